"""Recount what was stored twice, and report where the numbers do not fit together."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import redis

from libs.page_views.daily_import import TOTAL
from libs.page_views.reading import Kind
from libs.page_views.recording import DAYS_KEPT
from libs.page_views.registry import ZONE_SINCE, Site
from libs.page_views.tables import IMPORTED, SEEDED, has_numbers, read_tables

_Numbers = Mapping[str, int]

_ZONE_DAYS = 2
"""How many days more it may be in one time zone than in another."""

_PARTS = {"views": "", "visitors": ":visitors"}
"""The fields of a total, and how the names of the tables end that have their parts."""


def check_site(client: redis.Redis, site: Site) -> list[str]:
    """Return a sentence for each number that is not what its parts add up to.

    Total = seeded + sum of months; month = sum of days; day = sum of hours, while these are kept;
    dropped in all = sum of months; and a table has no more views than its period. Views that arrive
    meanwhile cause no drift. Raises redis.RedisError.
    """
    tables: dict[str, _Numbers] = defaultdict(dict)
    drift = []
    without_hours: set[str] = set()
    zone_since = 0
    for name, rows, _ in read_tables(client, site):
        if not has_numbers(name):
            if name == "":
                zone_since = int(rows.get(ZONE_SINCE, 0))
            elif name.startswith(f"{IMPORTED}:") and name.endswith(f":{TOTAL}"):
                without_hours.update(rows)
            continue
        wrong = [row for row, value in rows.items() if not value.isdecimal()]
        drift += [f"{name}: the number of {row} is {rows[row][:30]}" for row in wrong]
        tables[name] = {row: int(value) for row, value in rows.items() if row not in wrong}
    drift += _sums(tables)
    drift += _hours(tables, site, zone_since, without_hours)
    drift += _excesses(tables)
    return drift


def _hours(
    tables: Mapping[str, _Numbers], site: Site, zone_since: int, without_hours: Collection[str]
) -> Iterator[str]:
    """Yield where a day has not as many views as its hours.

    Days are left out that may have been cut by another zone, or of which hours may have expired. To
    those in without_hours, an import has added views of which it knew no hour.
    """
    least: Counter[date] = Counter()
    most: Counter[date] = Counter()
    for name, hours in tables.items():
        for hour, views in hours.items() if name[10:] == ":hours" else ():
            try:
                days = _days_of_hour(f"{name[:10]}T{hour}:00+00:00", site.zone)
            except ValueError:
                yield f"{name}: {hour} is no hour"
                continue
            most.update({day: views for day in days})
            least.update({day: views for day in days if len(days) == 1})
    complete_after = max(
        datetime.now(site.zone).date() - timedelta(days=DAYS_KEPT - _ZONE_DAYS),
        datetime.fromtimestamp(zone_since, site.zone).date() + timedelta(days=_ZONE_DAYS),
    )
    for day in sorted(most):
        views = tables[f"{day:%Y-%m}:days"].get(f"{day}", 0)
        too_many = views > most[day] and f"{day}" not in without_hours
        if day > complete_after and (views < least[day] or too_many):
            found = f"{least[day]}" if least[day] == most[day] else f"{least[day]} to {most[day]}"
            yield f"views of {day}: {views}, but its hours add up to {found}"


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


def _days_of_hour(hour: str, zone: ZoneInfo) -> set[date]:
    """Return the days of the site that an hour (UTC) is in: two, if one begins within the hour."""
    begin = datetime.fromisoformat(hour)
    return {(begin + timedelta(minutes=n)).astimezone(zone).date() for n in (0, 59)}


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
