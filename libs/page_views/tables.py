"""Read everything that is kept of a site, as it was at one moment."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import redis

from libs.page_views.registry import Site, site_keys
from libs.redis_access.replies import text

SEEDED = "seeded"
"""The table of what belongs to the total but to no month; libs.page_views.maintenance writes it."""

CORRECTIONS = "corrections"
"""The key that counts changes of rows which may change no total of a day."""

TOKENS = "tokens"

IMPORTED = "imported"
"""The table of the hours that were imported. Those of imported days begin with it and a colon."""

_KINDS = ("months", "days", "hours", "pages", "referrers", "campaigns", "pairs", "drops")
_PERIOD = re.compile(r"[0-9]{4}-[0-9]{2}")
_TABLES_PER_CALL = 100


class Table(NamedTuple):
    """A hash of a site."""

    name: str
    """Its key without that of the site, such as 2026-11:pages; "" for the settings."""
    rows: dict[str, str]
    expires: int | None
    """Seconds since 1970, or None for never."""


def has_numbers(table: str) -> bool:
    """Return whether the values of a table are numbers; else they are text."""
    return table not in ("", TOKENS) and table.partition(":")[0] != IMPORTED


def read_tables(client: redis.Redis, site: Site) -> Iterator[Table]:
    """Yield all hashes of a site, the settings first. Raises redis.RedisError.

    Salts, nonces, rates and visitors are no hashes: they expire soon, and stay private.

    The numbers fit together even if views arrive meanwhile: all tables that a view changes now are
    read in one transaction. Those of earlier days and months follow, since only imports and views
    that are sent late change them.
    """
    stored = {key.removeprefix(f"{site.key}:") for key in site_keys(client, site.key, "hash")}
    periods = _current_periods()
    # A view may make these after they were looked for.
    new = {f"{period}:{kind}" for period in periods for kind in _KINDS}
    new |= {"", "all", SEEDED, TOKENS, IMPORTED, *(f"{name}:visitors" for name in new)}
    past = sorted(name for name in stored - new if _PERIOD.match(name))
    yield from _read(client, site, sorted((stored | new).difference(past)))
    for i in range(0, len(past), _TABLES_PER_CALL):
        yield from _read(client, site, past[i : i + _TABLES_PER_CALL])


def _current_periods() -> set[str]:
    """Return the days that it is somewhere on Earth, those before and after, and their months."""
    today = datetime.now(timezone.utc)
    days = [today + timedelta(days=i) for i in range(-2, 3)]
    return {"all", *(f"{day:%Y-%m-%d}" for day in days), *(f"{day:%Y-%m}" for day in days)}


def _read(client: redis.Redis, site: Site, names: Sequence[str]) -> Iterator[Table]:
    """Yield those of the tables that exist, from one transaction."""
    with client.pipeline() as pipeline:
        for name in names:
            key = f"{site.key}:{name}" if name else site.key
            pipeline.hgetall(key)
            pipeline.expiretime(key)
        answers = pipeline.execute()
    for name, rows, expires in zip(names, answers[::2], answers[1::2]):
        if rows:
            decoded = {text(row): text(value) for row, value in rows.items()}
            yield Table(name, decoded, expires if expires >= 0 else None)
