"""Invent views of a site, as the records of an export."""

import random
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import accumulate

from libs.page_views.reading import Kind
from libs.page_views.recording import DAYS_KEPT
from libs.page_views.transfer import Record, head

_PATHS = (
    "/",
    "/blog",
    "/about",
    "/blog/counting-without-cookies",
    "/docs",
    "/pricing",
    "/blog/what-a-view-is",
    "/docs/install",
    "/contact",
    "/blog/a-year-of-numbers",
    "/docs/badge",
    "/docs/api",
    "/blog/bots",
    "/jobs",
    "/docs/faq",
    "/imprint",
)
_REFERRERS = (
    "www.google.com",
    "duckduckgo.com",
    "news.ycombinator.com",
    "github.com",
    "www.bing.com",
    "lobste.rs",
    "mastodon.social",
    "www.reddit.com",
)
_CAMPAIGNS = ("newsletter", "spring-sale", "conference")

_WEIGHTS = list(accumulate(1 / n for n in range(1, len(_PATHS) + 1)))

_VISITORS = 120
"""How many visitors a weekday of the first week has, about."""

_GROWTH = 2.5
"""By what factor visitors grow within the year."""

_WEEK = (1.0, 1.05, 1.05, 1.0, 0.9, 0.5, 0.55)
"""The share of visitors from Monday to Sunday."""

_HOURS = (2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 10, 9, 10, 10, 10, 9, 8, 7, 7, 6, 6, 5, 3)
"""The share of visitors of each hour, UTC."""


_MORE_PAGES = 1.6
"""How many pages a visitor views after the first, about."""

_LINKED, _CAMPAIGNED, _BOTS = 0.45, 0.08, 0.06
"""The shares of visitors who follow a link, or that of a campaign, and of bots in all requests."""

_Item = tuple[str, str]
"""A kind of table, and a row of it."""


def demonstration(name: str, end: datetime, seed: int, days: int = 365) -> Iterator[Record]:
    """Yield the records of a site that is marked as a demonstration.

    It has views of so many days, the last of which ends with the hour before end, in UTC. The same
    arguments give the same records.
    """
    tables: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for i in range(days):
        day = end - timedelta(days=days - 1 - i)
        hours = end.hour if day == end else 24
        _add_day(tables, day, _visits(random.Random(f"{seed} {i}"), i, day, hours))  # nosec B311
    yield head([name])
    yield {"site": name, "settings": {"public": 1, "demo": 1, "created": int(end.timestamp())}}
    for table, rows in tables.items():
        yield {"table": table, "rows": rows, "expires": _expires(table)}
    yield {"end": 1}


def _visits(dice: random.Random, i: int, day: datetime, hours: int) -> Iterator[list[_Item]]:
    """Yield what is viewed in each visit until that hour of the i-th day."""
    visitors = _VISITORS * _WEEK[day.weekday()] * _GROWTH ** (i / 365) * dice.lognormvariate(0, 0.1)
    for _ in range(round(visitors)):
        (hour,) = dice.choices(range(24), _HOURS)
        more = int(dice.expovariate(1 / _MORE_PAGES))
        paths = [_popular(dice, _PATHS) for _ in range(1 + more)]
        items = [("days", f"{day:%Y-%m-%d}"), ("hours", f"{hour:02}")] * len(paths)
        items += [(Kind.PAGES.value, path) for path in paths]
        if dice.random() < _LINKED:
            referrer = _popular(dice, _REFERRERS)
            items += [
                (Kind.REFERRERS.value, referrer),
                (Kind.PAIRS.value, f"{paths[0]} {referrer}"),
            ]
        if dice.random() < _CAMPAIGNED:
            items.append((Kind.CAMPAIGNS.value, _popular(dice, _CAMPAIGNS)))
        if hour < hours:
            yield items


def _popular(dice: random.Random, items: Sequence[str]) -> str:
    """Choose an item; the n-th is chosen with a probability proportional to 1/n (Zipf's law)."""
    weights = _WEIGHTS[: len(items)]
    return items[bisect(weights, dice.random() * weights[-1])]


def _add_day(
    tables: defaultdict[str, Counter[str]], day: datetime, visits: Iterable[list[_Item]]
) -> None:
    """Count the visits of a day in its tables, and in those of its month and of all time."""
    views: Counter[_Item] = Counter()
    visitors: Counter[_Item] = Counter()
    for items in visits:
        views.update(items)
        visitors.update(set(items))
    views["drops", "bot"] = round(_BOTS * views["days", f"{day:%Y-%m-%d}"])
    _add(tables, day, "views", views)
    _add(tables, day, "visitors", visitors)


def _add(
    tables: defaultdict[str, Counter[str]], day: datetime, field: str, counts: Counter[_Item]
) -> None:
    date, month = f"{day:%Y-%m-%d}", f"{day:%Y-%m}"
    part = "" if field == "views" else f":{field}"
    periods = {"days": (month,), "hours": (date,), Kind.PAIRS.value: (month, date)}
    tables["all"][field] += counts["days", date]
    tables[f"all:months{part}"][month] += counts["days", date]
    for (kind, row), count in counts.items():
        for period in periods.get(kind, ("all", month, date)):
            tables[f"{period}:{kind}{part}"][row] += count


def _expires(table: str) -> int | None:
    """Return when the table of a day expires, in seconds since 1970."""
    period = table.partition(":")[0]
    if len(period) < len("2026-11-25"):
        return None
    midnight = datetime.fromisoformat(period).replace(tzinfo=timezone.utc)
    return int((midnight + timedelta(days=DAYS_KEPT)).timestamp())
