"""Read what was counted for a site: totals, series, rows, drops, and who is here now."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import redis

from libs.page_views.recording import DAYS_KEPT, NOW_SECONDS
from libs.page_views.registry import Site
from libs.redis_access.retries import call_once

EXACT_VISITORS = 127
"""Up to so many, the visitors of a day are counted exactly; beyond, by a HyperLogLog."""

STANDARD_ERROR = 1.04 / math.sqrt(2**14)
"""Of more visitors, as a share of them. Source: Flajolet et al., "HyperLogLog" (2007), for the 2^14
registers of Redis."""

OTHER = "(other)"
"""The row that counts all items for which a table has no room."""


class Kind(Enum):
    """What a table has rows for."""

    PAGES = "pages"
    REFERRERS = "referrers"
    CAMPAIGNS = "campaigns"
    PAIRS = "pairs"
    """A path, a space, and the host that links to it. There is no table of all time."""


class RangeError(ValueError):
    """A range of days that cannot be read; the message says what can."""


@dataclass(frozen=True)
class Count:
    """How often something was viewed, and by how many visitors.

    A visitor counts once a day. Over several days, visitors are the sum of each day's.
    """

    views: int = 0
    visitors: int = 0


@dataclass(frozen=True)
class Range:
    """Days of the site's time zone, the first and the last included."""

    first: date
    last: date

    def periods(self, current: date) -> list[str]:
        """Return the months and days whose tables together cover the range, up to the current day.

        Raises RangeError if a day is wanted that is no longer kept on its own.
        """
        periods = []
        day = self.first
        while day <= self.last:
            next_month = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
            if day.day == 1 and (
                next_month <= self.last + timedelta(days=1) or self.last >= current
            ):
                periods.append(f"{day:%Y-%m}")
                day = next_month
            else:
                _require_kept(day, current, ": begin and end with a month")
                periods.append(f"{day}")
                day += timedelta(days=1)
        return periods


def today(site: Site) -> date:
    """Return the date in the site's time zone."""
    return datetime.now(site.zone).date()


def totals(client: redis.Redis, site: Site, path: str = "") -> Count:
    """Return the count of a path, or of the whole site. Raises redis.RedisError, as all here do."""
    if not path:
        return _count(pipelined(client, [("HMGET", f"{site.key}:all", "views", "visitors")])[0])
    table = f"{site.key}:all:{Kind.PAGES.value}"
    return _count(pipelined(client, [("HGET", key, path) for key in table_keys(table)]))


def rows(
    client: redis.Redis, site: Site, kind: Kind, days: Range | None = None
) -> dict[str, Count]:
    """Return the count of each row, the most viewed first; without days, of all time."""
    periods = days.periods(today(site)) if days else ["all"]
    return _rows(client, [f"{site.key}:{period}:{kind.value}" for period in periods])


def rows_of(
    client: redis.Redis, site: Site, days: Range, *, path: str = "", referrer: str = ""
) -> dict[str, Count]:
    """Return the hosts that link to a path, or the paths that a host links to."""
    found = {}
    for pair, count in rows(client, site, Kind.PAIRS, days).items():
        of_path, _, of_referrer = pair.rpartition(" ")
        if path and of_path == path:
            found[of_referrer] = count
        elif referrer and of_referrer == referrer:
            found[of_path] = count
        elif pair == OTHER:
            found[OTHER] = count
    return found


def by_month(client: redis.Redis, site: Site) -> dict[str, Count]:
    """Return the count of each month with views, such as 2026-11."""
    return dict(sorted(_rows(client, [f"{site.key}:all:months"]).items()))


def by_day(client: redis.Redis, site: Site, days: Range, path: str = "") -> dict[date, Count]:
    """Return the count of every day of the range, of a path if one is given.

    Raises RangeError if a path is given and a day is no longer kept on its own.
    """
    dates = list(each_day(days))
    if path:
        _require_kept(days.first, today(site))
        tables = [f"{site.key}:{day}:{Kind.PAGES.value}" for day in dates]
        answers = pipelined(
            client, [("HGET", key, path) for table in tables for key in table_keys(table)]
        )
        return {day: _count(answers[2 * i : 2 * i + 2]) for i, day in enumerate(dates)}
    months = dict.fromkeys(f"{day:%Y-%m}" for day in dates)
    found = _rows(client, [f"{site.key}:{month}:days" for month in months])
    return {day: found.get(f"{day}", Count()) for day in dates}


def by_hour(client: redis.Redis, site: Site, days: Range) -> dict[datetime, Count]:
    """Return the count of every hour of the range's days. Hours are UTC; days are the site's.

    Raises RangeError if a day's hours are no longer kept.
    """
    _require_kept(days.first, today(site))
    first = datetime.combine(days.first, datetime.min.time(), site.zone).astimezone(timezone.utc)
    end = datetime.combine(days.last + timedelta(days=1), datetime.min.time(), site.zone)
    utc_days = list(each_day(Range(first.date(), end.astimezone(timezone.utc).date())))
    commands = [
        ("HGETALL", key) for day in utc_days for key in table_keys(f"{site.key}:{day}:hours")
    ]
    answers = pipelined(client, commands)
    found = {}
    hour = first.replace(minute=0)
    while hour < end:
        i = 2 * (hour.date() - utc_days[0]).days
        found[hour] = _count(table.get(b"%02d" % hour.hour) for table in answers[i : i + 2])
        hour += timedelta(hours=1)
    return found


def drops(client: redis.Redis, site: Site, days: Range | None = None) -> dict[str, int]:
    """Return how many requests were dropped for each reason; without days, of all time."""
    periods = days.periods(today(site)) if days else ["all"]
    answers = pipelined(client, [("HGETALL", f"{site.key}:{period}:drops") for period in periods])
    return dict(add_tables(answers).most_common())


def now(client: redis.Redis, site: Site) -> Count:
    """Return the count of the last NOW_SECONDS; of a part of the first of their minutes."""
    return count_now(*pipelined(client, now_commands(site.key, int(time.time()))))


def now_commands(site_key: str, seconds: int) -> list[tuple[str | int, ...]]:
    """Return the commands whose answers count_now() takes; seconds are since 1970."""
    minutes = range((seconds - NOW_SECONDS) // 60 + 1, seconds // 60 + 1)
    return [
        ("ZCOUNT", f"{site_key}:now", seconds - NOW_SECONDS, "+inf"),
        *(("GET", f"{site_key}:now:{minute}") for minute in minutes),
    ]


def count_now(visitors: int, *views: bytes | None) -> Count:
    """Return who is here now."""
    return Count(sum(int(count or 0) for count in views), visitors)


def first_day_kept(current: date) -> date:
    """Return the earliest day that is kept on its own."""
    return current - timedelta(days=DAYS_KEPT - 1)


def _require_kept(day: date, current: date, advice: str = "") -> None:
    """Raise RangeError if the day is no longer kept on its own."""
    if day < (kept := first_day_kept(current)):
        raise RangeError(f"days before {kept} are kept as months only{advice}")


def each_day(days: Range) -> Iterable[date]:
    """Return the days of a range."""
    return (days.first + timedelta(days=i) for i in range((days.last - days.first).days + 1))


def table_keys(table: str) -> tuple[str, str]:
    """Return the keys of a table's views and visitors."""
    return table, f"{table}:visitors"


def _rows(client: redis.Redis, tables: list[str]) -> dict[str, Count]:
    """Return the rows of all tables, added up, the most viewed first."""
    answers = pipelined(client, [("HGETALL", key) for table in tables for key in table_keys(table)])
    views, visitors = add_tables(answers[::2]), add_tables(answers[1::2])
    return {row: Count(count, visitors[row]) for row, count in views.most_common()}


def add_tables(tables: Iterable[Mapping[bytes, bytes]]) -> Counter[str]:
    """Return the sum of each row in all of these tables."""
    total: dict[bytes, int] = {}  # a Counter would take twice as long
    for table in tables:
        for row, count in table.items():
            total[row] = total.get(row, 0) + int(count)
    return Counter({row.decode(): count for row, count in total.items()})


def _count(numbers: Iterable[bytes | None]) -> Count:
    return Count(*(int(number or 0) for number in numbers))


def pipelined(client: redis.Redis, commands: list[tuple[Any, ...]]) -> list[Any]:
    """Return the answers to all commands, from one round trip."""

    def call() -> list[Any]:
        with client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return pipeline.execute()

    return call_once(client, call)
