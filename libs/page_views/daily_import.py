"""Import what another program counted of each day, and correct it when it is imported again.

What an import added of a day is remembered, compressed, in the hash v2:{id}:imported:SOURCE. Only
the difference to it is added the next time: nothing if the numbers are the same.
"""

import base64
import json
import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple

import redis

from libs.page_views.reading import Kind
from libs.page_views.recording import DAYS_KEPT, MOST_ROWS
from libs.page_views.registry import Site, find_site
from libs.page_views.tables import IMPORTED
from libs.redis_access.replies import text

TOTAL = "total"
"""The table of a day's totals; its one row is ""."""
HOURS = "hours"
"""The table of hours, such as 2026-11-25 09, in UTC."""

_SCRIPT = files("libs.page_views").joinpath("add.lua").read_text(encoding="utf-8")
_logger = logging.getLogger(__name__)

_Tables = dict[str, dict[str, list[int]]]
"""Views and visitors by table and row."""


class Row(NamedTuple):
    """What was counted on a day."""

    day: date
    """Of the site's time zone."""
    table: str
    """TOTAL, HOURS or the value of a libs.page_views.reading.Kind."""
    name: str
    """As libs.page_views.recording.View has it."""
    views: int
    visitors: int


@dataclass
class DailyReport:
    """What an import did."""

    added: int = 0
    """By how much the number of all views is higher."""
    changed: int = 0
    """How many days were added or corrected."""
    repeated: int = 0
    """How many days were imported before, with the same numbers."""


def import_days(
    client: redis.Redis, site: Site, source: str, read: Callable[[], Iterable[Row]]
) -> DailyReport:
    """Import the rows that read() yields, which is called twice, from a source such as plausible.

    Each day is stored as a whole, as soon as its last row is read. So memory is flat if the days
    are in order. Raises libs.page_views.registry.UnknownSite, or redis.RedisError; then repeat it.
    """
    report = DailyReport()
    rows_left = Counter(row.day for row in read())
    days: dict[date, _Tables] = {}
    table = f"{IMPORTED}:{source}"
    for row in read():
        tables = days.setdefault(row.day, {})
        counts = tables.setdefault(row.table, {}).setdefault(row.name, [0, 0])
        counts[0] += row.views
        counts[1] += row.visitors
        rows_left[row.day] -= 1
        if not rows_left[row.day]:
            added = _store(client, site, table, row.day, days.pop(row.day))
            if added is None:
                report.repeated += 1
            else:
                report.changed += 1
                report.added += added
    return report


def _store(client: redis.Redis, site: Site, table: str, day: date, tables: _Tables) -> int | None:
    """Add the difference between what is remembered of a day and these tables.

    Return by how much the number of all views is higher, or None if there is no difference.
    """
    after = _packed(tables)
    while True:
        before = client.hget(f"{site.key}:{table}", f"{day}")
        remembered = _unpacked(before) if before else {}
        if remembered == tables:
            return None
        change = _difference(remembered, tables)
        argument = {
            "table": table,
            "day": f"{day}",
            "before": text(before) if before else False,
            "after": after,
            "changes": list(_changes(site, day, change)),
        }
        problems = client.eval(_SCRIPT, 1, site.key, json.dumps(argument))
        if problems is not None:
            break
        find_site(client, site.name)  # else another import was faster
    for problem in problems:
        _logger.error("%s: a part was not stored: %s", site.name, text(problem))
    return sum(views for views, _ in change.get(TOTAL, {}).values())


def _difference(before: _Tables, after: _Tables) -> _Tables:
    """Return by how much each row is higher, the falling ones first, which make room."""
    change: _Tables = {}
    for table in sorted({*before, *after}):
        old, new = before.get(table, {}), after.get(table, {})
        rows = {}
        for name in sorted({*old, *new}):
            counts = [now - then for then, now in zip(old.get(name, (0, 0)), new.get(name, (0, 0)))]
            if any(counts):
                rows[name] = counts
        change[table] = dict(sorted(rows.items(), key=lambda row: row[1][0] >= 0))
    return change


def _changes(site: Site, day: date, change: _Tables) -> Iterator[Mapping[str, Any]]:
    """Yield the changes of the tables of the day, its month and all time, for add.lua."""
    yield from _lasting_changes(day, change)
    end = datetime.combine(day + timedelta(days=DAYS_KEPT), datetime.min.time(), site.zone)
    if end > datetime.now(site.zone):
        for of_day in _changes_of_day(day, change):
            yield {**of_day, "expires": int(end.timestamp())}


def _lasting_changes(day: date, change: _Tables) -> Iterator[Mapping[str, Any]]:
    month = f"{day:%Y-%m}"
    for counts in change.get(TOTAL, {}).values():
        yield {"key": "all", "rows": [["views", counts[0], 0], ["visitors", counts[1], 0]]}
        yield {"key": "all:months", "rows": [[month, *counts]]}
        yield {"key": f"{month}:days", "rows": [[f"{day}", *counts]]}
    for kind, most, rows in _rows_of_kinds(change, "month"):
        yield {"key": f"{month}:{kind}", "most": most, "rows": rows}
        if kind != Kind.PAIRS.value:
            yield {"key": f"all:{kind}", "most": most, "rows": rows}


def _changes_of_day(day: date, change: _Tables) -> Iterator[Mapping[str, Any]]:
    for hour, counts in change.get(HOURS, {}).items():
        utc_day, _, name = hour.partition(" ")
        yield {"key": f"{utc_day}:hours", "rows": [[name, *counts]]}
    for kind, most, rows in _rows_of_kinds(change, "day"):
        yield {"key": f"{day}:{kind}", "most": most, "rows": rows}


def _rows_of_kinds(
    change: _Tables, period: str
) -> Iterator[tuple[str, int, list[list[str | int]]]]:
    """Yield each kind of items, how many rows its table may have, and the rows that change."""
    for kind in change.keys() & MOST_ROWS.keys():
        yield kind, MOST_ROWS[kind][period], [
            [row, *counts] for row, counts in change[kind].items()
        ]


def _packed(tables: _Tables) -> str:
    return base64.b64encode(zlib.compress(json.dumps(tables, sort_keys=True).encode())).decode()


def _unpacked(packed: bytes | str) -> _Tables:
    tables: _Tables = json.loads(zlib.decompress(base64.b64decode(packed)))
    return tables
