"""The sites whose views are counted. Views of other sites are refused."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import redis
from redis.client import Pipeline

from libs.redis_access.replies import text

PREFIX = "v2"
"""The version of the storage, the first part of every key; docs/storage.md describes them."""

SITES_KEY = f"{PREFIX}:sites"
_MOST_PER_MINUTE = 1_000_000_000
_NEXT_SITE_KEY = f"{PREFIX}:next_site"

DEFAULTS: dict[str, str | int] = {
    "zone": "UTC",
    "public": 0,
    "client_limit": 1_000,
    "site_limit": 1_000_000,
    "demo": 0,
}
"""The settings of a new site, as the attributes of Site describe them."""


class UnknownSite(LookupError):
    """No site has this name."""


class SiteExists(ValueError):
    """A site has this name already."""


class InvalidSetting(ValueError):
    """A site cannot have this setting; the message says why."""


@dataclass(frozen=True)
class Site:
    """A registered site."""

    key: str
    """The first part of its keys. The braces keep all of them in one slot of a Redis Cluster."""
    name: str
    """As libs.page_views.sites.site_name returns it, such as example.org."""
    zone: ZoneInfo
    """The time zone that cuts its days and months."""
    public: bool
    """Whether anyone may read its numbers."""
    client_limit: int
    """How many views a client may send per minute; 0 is no limit."""
    site_limit: int
    """How many views all clients together may send per minute; 0 is no limit."""
    demo: bool = False
    """Whether its numbers are invented, to show what a site looks like."""


def add_site(client: redis.Redis, name: str, **settings: str | int) -> Site:
    """Register a site. Settings are those of DEFAULTS.

    Raises SiteExists, InvalidSetting, or redis.RedisError.
    """
    check_settings(settings)
    key = new_site_key(client)
    created = int(time.time())
    register_site(client, key, {**DEFAULTS, **settings, "name": name, "created": created})
    return find_site(client, name)


def find_site(client: redis.Redis, name: str) -> Site:
    """Return a site. Raises UnknownSite, or redis.RedisError."""
    key = key_of(client, name)
    return stored_site(key, name, client.hgetall(key) if key else {})


def key_of(client: redis.Redis, name: str) -> str:
    """Return the key of a site, or "" if there is none of this name. Raises redis.RedisError."""
    return text(client.hget(SITES_KEY, name) or "")


def stored_site(key: str, name: str, stored: Mapping[Any, Any]) -> Site:
    """Return the site whose key has these settings. Raises UnknownSite if they are empty."""
    settings = {text(field): text(value) for field, value in stored.items()}
    if not settings:
        raise UnknownSite(f"{name} is not registered")
    return Site(
        key,
        name,
        ZoneInfo(settings["zone"]),
        settings["public"] == "1",
        int(settings["client_limit"]),
        int(settings["site_limit"]),
        settings.get("demo") == "1",
    )


def all_sites(client: redis.Redis) -> Iterator[Site]:
    """Yield all sites by name. Raises redis.RedisError."""
    for name in sorted(map(text, client.hkeys(SITES_KEY))):
        with contextlib.suppress(UnknownSite):  # it was just removed
            yield find_site(client, name)


def change_site(client: redis.Redis, site: Site, **settings: str | int) -> None:
    """Set settings, named as in DEFAULTS. Processes notice within SiteCache.SECONDS.

    Raises InvalidSetting, or redis.RedisError.
    """
    check_settings(settings)
    _store(client, site.key, settings)


def rename_site(client: redis.Redis, site: Site, name: str) -> None:
    """Give a site another name. Raises SiteExists, UnknownSite, or redis.RedisError."""

    def rename(pipeline: Pipeline) -> None:
        _check_registered(pipeline, site)
        if key_of(pipeline, name):
            raise SiteExists(f"{name} is registered already")
        pipeline.multi()
        pipeline.hset(SITES_KEY, name, site.key)
        pipeline.hdel(SITES_KEY, site.name)
        pipeline.hset(site.key, "name", name)

    client.transaction(rename, SITES_KEY)


def remove_site(client: redis.Redis, site: Site) -> None:
    """Remove a site and everything that was counted for it.

    Raises UnknownSite or redis.RedisError.
    """

    def remove(pipeline: Pipeline) -> None:
        _check_registered(pipeline, site)
        keys = site_keys(client, site.key)
        pipeline.multi()
        pipeline.hdel(SITES_KEY, site.name)
        _unlink(pipeline, [site.key, *keys])

    client.transaction(remove, SITES_KEY)
    _unlink(client, site_keys(client, site.key))  # what views have made meanwhile


def new_site_key(client: redis.Redis) -> str:
    """Return the key of a site that is not registered yet. Raises redis.RedisError."""
    return f"{PREFIX}:{{{client.incr(_NEXT_SITE_KEY)}}}"


def register_site(
    client: redis.Redis,
    key: str,
    settings: Mapping[str, str | int],
    *,
    expiries: Mapping[str, int | None] | None = None,
    replace: bool = False,
) -> None:
    """Register a site with all of its settings and its name, and with the tables that it has.

    expiries says when each of these keys expires, in seconds since 1970, or None for never. If
    replace is true, a site of the same name and all its numbers are removed in the same step.
    Raises SiteExists or redis.RedisError; then nothing has changed.
    """
    name = str(settings["name"])
    former: list[str] = []

    def register(pipeline: Pipeline) -> None:
        former[:] = filter(None, [key_of(pipeline, name)])
        if former and not replace:
            raise SiteExists(f"{name} is registered already")
        replaced = [key for site in former for key in [site, *site_keys(client, site)]]
        pipeline.multi()
        for table, expires in (expiries or {}).items():
            if expires is None:
                pipeline.persist(table)
            else:
                pipeline.expireat(table, expires)
        _store(pipeline, key, settings)
        pipeline.hset(SITES_KEY, name, key)
        _unlink(pipeline, replaced)

    client.transaction(register, SITES_KEY)
    for site in former:
        _unlink(client, site_keys(client, site))  # what views have made meanwhile


def site_keys(client: redis.Redis, site_key: str, kind: str | None = None) -> list[str]:
    """Return all keys below that of a site, or those of one type of Redis, such as "hash"."""
    return [text(key) for key in client.scan_iter(f"{site_key}:*", count=1000, _type=kind)]


def check_settings(settings: Mapping[str, str | int]) -> None:
    """Raise InvalidSetting if a site cannot have these settings."""
    unknown = settings.keys() - DEFAULTS.keys()
    if unknown:
        raise InvalidSetting(f"{min(unknown)} is no setting; there are {', '.join(DEFAULTS)}")
    zone = str(settings.get("zone", "UTC"))
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError) as error:
        raise InvalidSetting(f"{zone[:50]!r} is no time zone, such as Europe/Paris") from error
    if str(settings.get("public", 0)) not in ("0", "1"):
        raise InvalidSetting("public is neither 0 nor 1")
    for name in ("client_limit", "site_limit"):
        limit = str(settings.get(name, 0))
        digits = limit.isascii() and limit.isdecimal() and len(limit) <= 10
        if not digits or int(limit) > _MOST_PER_MINUTE:
            raise InvalidSetting(f"{name} is no whole number from 0 to {_MOST_PER_MINUTE}")


def _check_registered(client: redis.Redis, site: Site) -> None:
    if key_of(client, site.name) != site.key:
        raise UnknownSite(f"{site.name} is not registered")


def _store(client: redis.Redis, key: str, settings: Mapping[str, str | int]) -> None:
    client.hset(key, items=[part for setting in settings.items() for part in setting])


def _unlink(client: redis.Redis, keys: Sequence[str]) -> None:
    for i in range(0, len(keys), 1000):
        client.unlink(*keys[i : i + 1000])


class SiteCache:
    """The sites as one process knows them, which saves a call to Redis for each view."""

    SECONDS = 5
    """How long a change of a site's settings may go unnoticed."""

    UNKNOWN_SECONDS = 0.25
    """How long a name that is not registered is believed to be so."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._sites: dict[str, tuple[float, Site]] = {}
        self._unknown: dict[str, float] = {}

    def get(self, name: str) -> Site:
        """Return a site. Raises UnknownSite, or redis.RedisError if it was never known.

        While Redis fails, sites stay as they were.
        """
        now = time.monotonic()
        asked, site = self._sites.get(name, (0.0, None))
        if site and now - asked < self.SECONDS:
            return site
        if now - self._unknown.get(name, -1) < self.UNKNOWN_SECONDS:
            raise UnknownSite(f"{name} is not registered")
        try:
            site = find_site(self._client, name)
        except redis.RedisError:
            if site is None:
                raise
        except UnknownSite:
            self._sites.pop(name, None)
            if len(self._unknown) > 1000:
                self._unknown.clear()
            self._unknown[name] = now
            raise
        self._unknown.pop(name, None)
        self._sites[name] = (now, site)
        return site

    def forget(self, name: str) -> None:
        """Ask for a site again when it is next wanted."""
        self._sites.pop(name, None)
