"""The sites whose views are counted. Views of other sites are refused.

SITES_KEY says which site has a name; the settings of a site tell that it exists. On one server, a
change of both is made as a whole. In a cluster, each is a step of its own, that of the settings
first. An interruption between them leaves what nobody sees: a name without a site, which may be
given again, or a site without a name. libs.page_views.leftovers removes both.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import redis
from redis.client import Pipeline

from libs.page_views.ignoring import IgnoreRules
from libs.page_views.site_settings import DEFAULTS, LINES, checked_settings
from libs.redis_access.cluster import scan
from libs.redis_access.replies import text

PREFIX = "v2"
"""The version of the storage, the first part of every key; docs/storage.md describes them."""

SITES_KEY = f"{PREFIX}:sites"
_NEXT_SITE_KEY = f"{PREFIX}:next_site"


ZONE_SINCE = "zone_since"
"""When the zone was last changed, in seconds since 1970; a site without it has its first zone."""


class UnknownSite(LookupError):
    """No site has this name."""


class SiteExists(ValueError):
    """A site has this name already."""


@dataclass(frozen=True)
class Site:  # pylint: disable=too-many-instance-attributes  # all are settings
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
    ignored_paths: tuple[str, ...] = ()
    """Views of these paths are dropped; one that ends with "*" stands for all that begin so."""
    ignored_networks: tuple[str, ...] = ()
    """Views from these addresses and networks are dropped."""
    embed_hosts: tuple[str, ...] = ()
    """Whose pages may show its shared page in a frame, as Content-Security-Policy names them."""

    def why_ignored(self, address: bytes, path: str) -> str:
        """Return why it drops a view of a path from an address, or "" if it does not.

        address is as libs.page_views.visitors.packed_address returns it.
        """
        if not (self.ignored_paths or self.ignored_networks):
            return ""
        return self._rules.why_ignored(address, path)

    @cached_property
    def _rules(self) -> IgnoreRules:
        return IgnoreRules(self.ignored_paths, self.ignored_networks)


def add_site(client: redis.Redis, name: str, **settings: str | int) -> Site:
    """Register a site. Settings are those of libs.page_views.site_settings.DEFAULTS.

    Raises SiteExists, InvalidSetting, or redis.RedisError.
    """
    checked = checked_settings(settings)
    key = new_site_key(client)
    created = int(time.time())
    register_site(client, key, {**DEFAULTS, **checked, "name": name, "created": created})
    return find_site(client, name)


def find_site(client: redis.Redis, name: str) -> Site:
    """Return a site. Raises UnknownSite, or redis.RedisError."""
    key = key_of(client, name)
    return stored_site(key, name, client.hgetall(key) if key else {})


def key_of(client: redis.Redis, name: str) -> str:
    """Return the key of a site, or "" if there is none of this name. Raises redis.RedisError."""
    return text(client.hget(SITES_KEY, name) or "")


def is_registered(client: redis.Redis, name: str) -> bool:
    """Return whether there is a site of this name. Raises redis.RedisError."""
    key = key_of(client, name)
    return bool(key and client.hexists(key, "name"))


def stored_site(key: str, name: str, stored: Mapping[bytes | str, bytes | str]) -> Site:
    """Return the site of this key and name, whose settings are stored so. Raises UnknownSite."""
    settings = {text(field): text(value) for field, value in stored.items()}
    if "name" not in settings:
        raise UnknownSite(f"{name} is not registered")
    return Site(
        key,
        name,
        ZoneInfo(settings["zone"]),
        settings["public"] == "1",
        int(settings["client_limit"]),
        int(settings["site_limit"]),
        settings.get("demo") == "1",
        *(tuple(settings.get(lines, "").splitlines()) for lines in LINES),
    )


def all_sites(client: redis.Redis) -> Iterator[Site]:
    """Yield all sites by name. Raises redis.RedisError."""
    for name in sorted(map(text, client.hkeys(SITES_KEY))):
        with contextlib.suppress(UnknownSite):  # it was just removed
            yield find_site(client, name)


def change_site(client: redis.Redis, site: Site, **settings: str | int) -> None:
    """Set settings, named as there. Processes notice within SiteCache.SECONDS.

    Raises InvalidSetting, UnknownSite, or redis.RedisError.
    """
    checked = dict(checked_settings(settings))
    if checked.get("zone", site.zone.key) != site.zone.key:
        checked[ZONE_SINCE] = int(time.time())

    def change(pipeline: Pipeline) -> None:
        _check_registered(pipeline, site)
        pipeline.multi()
        _store(pipeline, site.key, checked)

    client.transaction(change, site.key)


def rename_site(client: redis.Redis, site: Site, name: str) -> None:
    """Give a site another name. Raises SiteExists, UnknownSite, or redis.RedisError."""

    def rename(pipeline: Pipeline) -> None:
        _check_registered(pipeline, site)
        if is_registered(pipeline, name):
            raise SiteExists(f"{name} is registered already")
        pipeline.multi()
        pipeline.hset(site.key, "name", name)
        pipeline.hset(SITES_KEY, name, site.key)
        pipeline.hdel(SITES_KEY, site.name)

    client.transaction(rename, SITES_KEY, site.key)


def remove_site(client: redis.Redis, site: Site) -> None:
    """Remove a site and everything that was counted for it.

    Raises UnknownSite or redis.RedisError.
    """

    _check_registered(client, site)

    def remove(pipeline: Pipeline) -> None:
        # When this is repeated in a cluster, the site may have no settings any more.
        if key_of(pipeline, site.name) != site.key:
            raise UnknownSite(f"{site.name} is not registered")
        keys = site_keys(client, site.key)
        pipeline.multi()
        _unlink(pipeline, [site.key, *keys])
        pipeline.hdel(SITES_KEY, site.name)

    client.transaction(remove, SITES_KEY, site.key)
    _unlink(client, site_keys(client, site.key))  # what views have made meanwhile


def new_site_key(client: redis.Redis) -> str:
    """Return the key of a site that is not registered yet. Raises redis.RedisError."""
    return numbered_key(client.incr(_NEXT_SITE_KEY))


def numbered_key(number: int) -> str:
    """Return the key of the site with a number."""
    return f"{PREFIX}:{{{number}}}"


def last_site_number(client: redis.Redis) -> int:
    """Return the highest number that a site has, or had. Raises redis.RedisError."""
    return int(client.get(_NEXT_SITE_KEY) or 0)


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
        if not replace and is_registered(pipeline, name):
            raise SiteExists(f"{name} is registered already")
        former[:] = filter(None, [key_of(pipeline, name)])
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
    """Return all keys below that of a site, or those of one type of Redis, such as "hash".

    Raises redis.RedisError.
    """
    return [text(key) for key in scan(client, site_key, f"{site_key}:*", kind)]


def remove_keys(client: redis.Redis, key: str) -> None:
    """Remove a site that has no name, its settings last. Raises redis.RedisError."""
    _unlink(client, [*site_keys(client, key), key])


def _check_registered(client: redis.Redis, site: Site) -> None:
    if key_of(client, site.name) != site.key or not client.hexists(site.key, "name"):
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
