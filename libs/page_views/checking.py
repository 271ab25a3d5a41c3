"""Recount what was stored twice, and report where the numbers do not fit together."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import redis

from libs.page_views.reading import Kind
from libs.page_views.registry import Site
from libs.page_views.tables import SEEDED, has_numbers, read_tables

_Numbers = Mapping[str, int]

_PARTS = {"views": "", "visitors": ":visitors"}
"""The fields of a total, and how the names of the tables end that have their parts."""


def check_site(client: redis.Redis, site: Site) -> list[str]:
    """Return a sentence for each number that is not what its parts add up to.

    Total = seeded + sum of months; month = sum of days; dropped in all = sum of months; and a table
    has no more views than its period. Views that arrive meanwhile cause no drift. Raises
    redis.RedisError.
    """
    tables: dict[str, _Numbers] = defaultdict(dict)
    drift = []
    for name, rows, _ in read_tables(client, site):
        if not has_numbers(name):
            continue
        wrong = [row for row, value in rows.items() if not value.isdecimal()]
        drift += [f"{name}: the number of {row} is {rows[row][:30]}" for row in wrong]
        tables[name] = {row: int(value) for row, value in rows.items() if row not in wrong}
    drift += _sums(tables)
    drift += _excesses(tables)
    return drift


def _sums(tables: Mapping[str, _Numbers]) -> Iterator[str]:
    """Yield where a number is not the sum of those that it consists of."""
    for field, end in _PARTS.items():
        months = tables[f"all:months{end}"]
        seeded = tables[SEEDED].get(field, 0)
        yield from _differs(field, tables["all"].get(field, 0), seeded + sum(months.values()))
        with_days = {name[:7] for name in tables if name[7:] == f":days{end}"}
        for month in sorted({*months, *with_days}):
            found = sum(tables[f"{month}:days{end}"].values())
            yield from _differs(f"{field} of {month}", months.get(month, 0), found)
    dropped: dict[str, int] = defaultdict(int)
    for name, numbers in tables.items():
        if name[7:] == ":drops":
            for reason, count in numbers.items():
                dropped[reason] += count
    for reason in sorted({*dropped, *tables["all:drops"]}):
        stored = tables["all:drops"].get(reason, 0)
        yield from _differs(f"dropped as {reason}", stored, dropped[reason])


def _excesses(tables: Mapping[str, _Numbers]) -> Iterator[str]:
    """Yield where the rows of a table have more views than their period."""
    for name, numbers in sorted(tables.items()):
        period, _, kind = name.partition(":")
        if kind not in (each.value for each in Kind):
            continue
        if period == "all":
            limit = tables["all"].get("views", 0)
        elif len(period) == len("2026-11"):
            limit = tables["all:months"].get(period, 0)
        else:
            limit = tables[f"{period[:7]}:days"].get(period, 0)
        if (views := sum(numbers.values())) > limit:
            yield f"{kind} of {period}: {views} views, but the period has {limit}"


def _differs(what: str, stored: int, found: int) -> Iterator[str]:
    if stored != found:
        yield f"{what}: {stored}, but its parts add up to {found}"
