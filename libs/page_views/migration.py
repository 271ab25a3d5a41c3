"""Know the version of what is stored, and bring it to that of this code."""

import redis

VERSION = 2
"""1 was the counter of the front page, libs.page_views.counting.PAGE_VIEWS_KEY. 2 added sites,
whose keys begin with libs.page_views.registry.PREFIX, and kept that counter as it was."""

VERSION_KEY = "storage_version"


class NewerStorage(Exception):
    """The storage is of a newer version of Page Tracker than this code."""


def migrate(client: redis.Redis) -> int:
    """Store the version; return the one that was stored before. Safe to repeat.

    Raises NewerStorage or redis.RedisError.
    """
    before = check_version(client)
    client.set(VERSION_KEY, VERSION)
    return before


def check_version(client: redis.Redis) -> int:
    """Return the stored version, 1 if there is none. Raises NewerStorage or redis.RedisError."""
    version = int(client.get(VERSION_KEY) or 1)
    if version > VERSION:
        raise NewerStorage(f"Redis has data of version {version}, and this program knows {VERSION}")
    return version
