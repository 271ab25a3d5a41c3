"""Check whether pages could be shown now, and settings changed, without writing anything."""

import logging
from functools import partial

import redis

from libs.accounts.accounts import ACCOUNTS_KEY
from libs.page_views.registry import SITES_KEY
from libs.redis_access.reasons import reason_of
from libs.redis_access.retries import call_once

_logger = logging.getLogger(__name__)


def why_not_ready(client: redis.Redis, settings_client: redis.Redis) -> str | None:
    """Return why a page could not be shown now, in words anyone may read, or None if it could.

    Reads sites with client, and accounts with settings_client, each within
    libs.redis_access.retries.slowest_attempt_seconds. Logs the exact error.
    """
    try:
        call_once(client, partial(client.hget, SITES_KEY, ""))
        call_once(settings_client, partial(settings_client.hget, ACCOUNTS_KEY, ""))
    except redis.RedisError as error:
        reason = reason_of(error)
        _logger.warning("not ready: %s: %s", reason, error)
        return reason
    return None
