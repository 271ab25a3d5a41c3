"""What the reading part of the API answers about a site; each function is a call of that name."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import redis
from werkzeug.exceptions import BadRequest

from libs.page_views import reading
from libs.page_views.reading import EXACT_VISITORS, STANDARD_ERROR, Count, Kind, Range, today
from libs.page_views.recording import NOW_SECONDS
from libs.page_views.registry import Site
from services.web import query

MOST_DAYS_BY_HOUR = 31
MOST_ROWS = 1_000
DAYS_SHOWN = 30
"""How many days a series by day has without a range."""

_OF_A_DAY = "distinct in a day"
_OF_AN_HOUR = "distinct in an hour"
_OF_NOW = f"distinct in the last {NOW_SECONDS} seconds"
_SUM = "sum of daily visitors"

Answer = dict[str, Any]
Answering = Callable[[redis.Redis, Site], Answer]


def _totals(client: redis.Redis, site: Site) -> Answer:
    given = query.parameters("path", "from", "to", "compare")
    path = query.path(given)
    days = query.days(given, site)
    answer = _total(client, site, days, path)
    if "compare" in given:
        query.choice(given, "compare", "previous")
        if not days:
            raise BadRequest("There is no range to compare with the days before it; give from.")
        length = days.last - days.first + timedelta(days=1)
        answer["previous"] = _total(
            client, site, Range(days.first - length, days.last - length), path
        )
    return answer


def _total(client: redis.Redis, site: Site, days: Range | None, path: str) -> Answer:
    if days:
        counts = list(reading.by_day(client, site, days, path).values())
    else:
        counts = [reading.totals(client, site, path)]
    views = sum(count.views for count in counts)
    visitors = sum(count.visitors for count in counts)
    return {**_meaning(days, counts), **_numbers(Count(views, visitors))}


def _series(client: redis.Redis, site: Site) -> Answer:
    given = query.parameters("by", "path", "from", "to")
    by = query.choice(given, "by", "day", "hour", "month")
    path = query.path(given)
    if path and by != "day":
        raise BadRequest("The series of a path is by day only; leave out path, or give by=day.")
    days = query.days(given, site, MOST_DAYS_BY_HOUR if by == "hour" else query.MOST_DAYS)
    if by == "month":
        days, counts = _by_month(client, site, days)
        visitors_are = _SUM
    elif by == "day":
        days = days or _last_days(site, DAYS_SHOWN)
        counts = {f"{day}": n for day, n in reading.by_day(client, site, days, path).items()}
        visitors_are = _OF_A_DAY
    else:
        days = days or _last_days(site, 1)
        hours = reading.by_hour(client, site, days)
        counts = {f"{hour:%Y-%m-%dT%H:00:00Z}": count for hour, count in hours.items()}
        visitors_are = _OF_AN_HOUR
    meaning = _meaning(days, counts.values(), visitors_are)
    return {**meaning, "series": _rows(by, counts.items())}


def _by_month(
    client: redis.Redis, site: Site, days: Range | None
) -> tuple[Range, dict[str, Count]]:
    """Return the counts of all months that the range touches, and the range that they cover.

    Without a range, return the months from the first that has views until now.
    """
    found = reading.by_month(client, site)
    last = days.last if days else today(site)
    month = first = days.first.replace(day=1) if days else _first_month(found, last)
    counts = {}
    while month <= last:
        counts[f"{month:%Y-%m}"] = found.get(f"{month:%Y-%m}", Count())
        month = (month + timedelta(days=31)).replace(day=1)
    return Range(first, month - timedelta(days=1)), counts


def _first_month(months: Iterable[str], current: date) -> date:
    return min([date.fromisoformat(f"{month}-01") for month in months] + [current.replace(day=1)])


def _pages(client: redis.Redis, site: Site) -> Answer:
    return _table(client, site, Kind.PAGES, "path", "referrer")


def _referrers(client: redis.Redis, site: Site) -> Answer:
    return _table(client, site, Kind.REFERRERS, "referrer", "path")


def _campaigns(client: redis.Redis, site: Site) -> Answer:
    return _table(client, site, Kind.CAMPAIGNS, "campaign")


def _table(client: redis.Redis, site: Site, kind: Kind, item: str, *other: str) -> Answer:
    """Return rows of a table; only those of a pair, if the other parameter is given."""
    given = query.parameters("limit", "offset", "from", "to", *other)
    limit = query.number(given, "limit", 10, 1, MOST_ROWS)
    offset = query.number(given, "offset", 0, 0, 1_000_000)
    days = query.days(given, site)
    path, referrer = query.path(given), given.get("referrer", "")
    if not (path or referrer):
        found = reading.rows(client, site, kind, days)
    elif days:
        found = reading.rows_of(client, site, days, path=path, referrer=referrer)
    else:
        raise BadRequest(f"The rows of a {other[0]} can be read for a range only; give from.")
    # Order rows with equal views too, so that no row moves between two calls with offsets.
    ordered = sorted(found.items(), key=lambda row: (-row[1].views, row[0]))
    shown = ordered[offset : offset + limit]
    return {
        **_meaning(days, (count for _, count in shown)),
        "total": len(ordered),
        kind.value: _rows(item, shown),
    }


def _drops(client: redis.Redis, site: Site) -> Answer:
    days = query.days(query.parameters("from", "to"), site)
    found = reading.drops(client, site, days)
    rows = [{"reason": reason, "requests": requests} for reason, requests in found.items()]
    return {"range": _range(days), "approximate": False, "drops": rows}


def _now(client: redis.Redis, site: Site) -> Answer:
    query.parameters()
    count = reading.now(client, site)
    return {
        "seconds": NOW_SECONDS,
        "visitors_are": _OF_NOW,
        "approximate": False,
        **_numbers(count),
    }


def _last_days(site: Site, number: int) -> Range:
    current = today(site)
    return Range(current - timedelta(days=number - 1), current)


def _meaning(days: Range | None, counts: Iterable[Count], visitors_are: str = "") -> Answer:
    """Say what was counted when, and how exactly.

    Visitors may be approximate if one of the counts, of a day or a sum of days, has more visitors
    than a day can have exactly.
    """
    one_day = days is not None and days.first == days.last
    meaning: Answer = {
        "range": _range(days),
        "visitors_are": visitors_are or (_OF_A_DAY if one_day else _SUM),
        "approximate": any(count.visitors > EXACT_VISITORS for count in counts),
    }
    if meaning["approximate"]:
        meaning["standard_error"] = round(STANDARD_ERROR, 4)
    return meaning


def _range(days: Range | None) -> Mapping[str, str] | None:
    return {"from": f"{days.first}", "to": f"{days.last}"} if days else None


def _rows(item: str, counts: Iterable[tuple[str, Count]]) -> list[Answer]:
    return [{item: name, **_numbers(count)} for name, count in counts]


def _numbers(count: Count) -> Mapping[str, int]:
    return {"views": count.views, "visitors": count.visitors}


ANSWERS: Mapping[str, Answering] = {
    "totals": _totals,
    "series": _series,
    "pages": _pages,
    "referrers": _referrers,
    "campaigns": _campaigns,
    "drops": _drops,
    "now": _now,
}
"""What answers each call, by the last part of its path."""
