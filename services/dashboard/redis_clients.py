"""Connect to Redis as the dashboard's two users: one only reads sites, the other does the rest."""

import redis

from libs.accounts.accounts import ACCOUNTS_KEY
from libs.page_views.registry import PREFIX
from libs.redis_access.connection import connect_from_environment

WAIT_SECONDS = 0.8
"""How long to wait for each answer: longer than the tracker waits, since a year of a large site is
more to send, and computing other pages delays it; but people read within a second that Redis is
away."""


def connect_to_sites() -> redis.Redis:
    """Return a client for REDIS_URL, which only reads. Raises RedisSettingError."""
    return connect_from_environment(PREFIX, wait_seconds=WAIT_SECONDS)


def connect_to_settings() -> redis.Redis:
    """Return a client for SETTINGS_REDIS_URL, or else REDIS_URL. Raises RedisSettingError."""
    return connect_from_environment(ACCOUNTS_KEY, wait_seconds=WAIT_SECONDS, prefix="SETTINGS_")
