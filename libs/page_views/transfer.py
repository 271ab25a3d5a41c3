"""Export sites and load them into the same or another Redis.

An export is a sequence of records, each a JSON object:

    {"page_tracker_export": 1, "sites": ["example.org"]}            once, at the beginning
    {"site": "example.org", "settings": {"zone": "UTC", …}}         then what belongs to that site:
    {"table": "all:pages", "rows": {"/": 3}, "expires": null}
    {"table": "tokens", "rows": {"<hash>": "<settings>"}, "expires": null}
    {"end": 1}                                                      once: how many sites there were

Not exported, because they expire soon and stay private: salts, the hashes of visitors, nonces, rate
limits, and who is here now. A visitor who was seen before and after a load on one day therefore
counts twice.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import redis

from libs.page_views.registry import (
    ZONE_SINCE,
    Site,
    SiteExists,
    is_registered,
    new_site_key,
    register_site,
)
from libs.page_views.site_settings import DEFAULTS, checked_settings
from libs.page_views.tables import has_numbers, read_tables

VERSION = 1

_LOADING_SECONDS = 24 * 3600
"""When the tables of a site whose load was interrupted are forgotten."""

_TABLES_PER_CALL = 100

Record = Mapping[str, Any]


class TransferError(ValueError):
    """Records that cannot be loaded, or a table that cannot be exported; the message says why."""


def head(names: Iterable[str]) -> Record:
    """Return the first record of an export of these sites."""
    return {"page_tracker_export": VERSION, "sites": list(names)}


def export_sites(client: redis.Redis, sites: list[Site]) -> Iterator[Record]:
    """Yield the records of an export. Raises TransferError or redis.RedisError."""
    yield head(site.name for site in sites)
    for site in sites:
        for name, rows, expires in read_tables(client, site):
            if not name:
                settings = {**rows}
                settings.pop("name", None)
                yield {"site": site.name, "settings": settings}
            else:
                yield {"table": name, "rows": _numbers(site, name, rows), "expires": expires}
    yield {"end": len(sites)}


def _numbers(site: Site, name: str, rows: dict[str, str]) -> Mapping[str, str | int]:
    try:
        return {row: int(value) for row, value in rows.items()} if has_numbers(name) else rows
    except ValueError as error:
        raise TransferError(f"{site.name} has a table with what is no number: {name}") from error


def load_sites(client: redis.Redis, records: Iterable[Record], replace: bool = False) -> list[str]:
    """Load an export; return the names of its sites.

    Each site is registered, in place of any of the same name if replace is true, when all of it is
    stored. Raises SiteExists before anything is stored. Raises TransferError, InvalidSetting or
    redis.RedisError; then the sites that were not complete are as they were.
    """
    remaining = iter(records)
    names = _read_head(next(remaining, {}))
    for name in names if not replace else ():
        if is_registered(client, name):
            raise SiteExists(f"{name} is registered already")
    missing = set(names)
    site = None
    for record in remaining:
        match record:
            case {
                "table": str() as name,
                "rows": dict() as rows,
                "expires": int() | None as expires,
            } if site:
                site.add(name, rows, expires)
            case {"site": str() as name, "settings": dict() as settings} if name in missing:
                if site:
                    site.register(replace)
                missing.remove(name)
                site = _LoadedSite(client, name, settings)
            case {"end": _} if not missing:
                if site:
                    site.register(replace)
                return names
            case _:
                raise TransferError(f"this is no record of an export: {str(record)[:60]}")
    raise TransferError("the export is cut off: its last line is missing")


def _read_head(record: Record) -> list[str]:
    match record:
        case {"page_tracker_export": int() as version, "sites": [*names]}:
            if version > VERSION:
                raise TransferError("the export was made by a newer version: load it with that one")
            return names
    raise TransferError("this is no export of Page Tracker: its first line is another")


class _LoadedSite:
    """A site that is being loaded, under a key that no site has yet."""

    def __init__(self, client: redis.Redis, name: str, settings: Mapping[str, Any]) -> None:
        given = {**DEFAULTS, **settings, "name": name}
        others = {"name", "created", ZONE_SINCE}
        given |= checked_settings({key: given[key] for key in given.keys() - others})
        self._client = client
        self._name = name
        self._settings = given
        self._key = new_site_key(client)
        self._expiries: dict[str, int | None] = {}
        self._pipeline = client.pipeline()

    def add(self, name: str, rows: Mapping[str, Any], expires: int | None) -> None:
        """Store a table; until the site is registered, it expires soon."""
        kind = int if has_numbers(name) else str
        if not rows or not all(isinstance(value, kind) for value in rows.values()):
            raise TransferError(f"{self._name} has a table with what is no number: {name[:60]}")
        key = f"{self._key}:{name}"
        self._pipeline.hset(key, items=[part for row in rows.items() for part in row])
        self._pipeline.expire(key, _LOADING_SECONDS)
        self._expiries[key] = expires
        if len(self._expiries) % _TABLES_PER_CALL == 0:
            self._pipeline.execute()

    def register(self, replace: bool) -> None:
        """Register the site with its tables, all at once."""
        self._pipeline.execute()
        register_site(
            self._client, self._key, self._settings, expiries=self._expiries, replace=replace
        )
