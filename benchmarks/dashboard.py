"""Measure how long the pages of the dashboard take for a site with 10,000 pages and a year of data.

    ./pants run benchmarks/dashboard.py

Each page is asked for again and again; the first time, when the sums of past days are not yet kept,
has a column of its own. The site is viewed meanwhile, so today changes. Prints a table for
docs/benchmarks.md; exits with status 1 if a limit is not kept. Takes about two minutes.
"""

import argparse
import contextlib
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from functools import partial
from importlib import import_module
from itertools import accumulate

import redis

from benchmarks.clone import print_heading
from benchmarks.web_servers import directory_on_disk
from libs.page_views.reading import OTHER, Kind, Range
from libs.page_views.recording import MOST_ROWS, Recorder, View
from libs.page_views.reports.answers import (
    DIRECT,
    Filter,
    Interval,
    Question,
    Report,
)
from libs.page_views.reports.reader import Reader
from libs.page_views.transfer import Record, head, load_sites
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.retries import WAIT_SECONDS
from libs.redis_access.testing import count_sends

SITE = "large.example"
PAGES, REFERRERS, VIEWS_A_DAY = 10_000, 300, 6_000
MEDIAN_MS, P99_MS, ROUND_TRIPS = 100, 300, 2

_DAYS = 365
_LOADING_SECONDS = 10
_WEIGHTS = list(accumulate(1 / n for n in range(1, PAGES + 1)))


def large_site(today: date) -> Iterator[Record]:
    """Yield the records of a site whose n-th page has a share of views proportional to 1/n."""
    dice = random.Random(1)  # nosec B311
    tables: dict[str, Counter[str]] = {}
    for i in range(_DAYS):
        day = today - timedelta(days=i)
        pages = [
            f"/articles/{n}"
            for n in dice.choices(range(PAGES), cum_weights=_WEIGHTS, k=VIEWS_A_DAY)
        ]
        linked = [f"site-{int(dice.expovariate(0.02)) % REFERRERS}.example" for _ in pages[::2]]
        rows = {
            Kind.PAGES: Counter(pages),
            Kind.REFERRERS: Counter(linked),
            Kind.CAMPAIGNS: Counter(f"campaign {n % 40}" for n in range(VIEWS_A_DAY // 20)),
            Kind.PAIRS: Counter(" ".join(pair) for pair in zip(pages, linked)),
        }
        for kind, counts in rows.items():
            _add(tables, f"{day:%Y-%m-%d}:{kind.value}", counts, MOST_ROWS[kind.value]["day"])
            _add(tables, f"{day:%Y-%m}:{kind.value}", counts, MOST_ROWS[kind.value]["month"])
        hours = Counter({f"{hour:02}": VIEWS_A_DAY // 20 for hour in range(2, 22)})
        _add(tables, f"{day:%Y-%m-%d}:hours", hours)
        _add(tables, f"{day:%Y-%m}:days", {f"{day}": VIEWS_A_DAY})
        _add(tables, "all:months", {f"{day:%Y-%m}": VIEWS_A_DAY})
        _add(tables, "all", {"views": VIEWS_A_DAY})
    yield head([SITE])
    yield {"site": SITE, "settings": {"client_limit": 0, "site_limit": 0}}
    for table, counts in tables.items():
        yield {"table": table, "rows": counts, "expires": None}
        if table != "all":
            visitors = {row: 1 + count // 3 for row, count in counts.items()}
            yield {"table": f"{table}:visitors", "rows": visitors, "expires": None}
    yield {"end": 1}


def _add(
    tables: dict[str, Counter[str]], table: str, counts: Mapping[str, int], most: int = PAGES
) -> None:
    """Add rows to a table that has room for so many."""
    rows = tables.setdefault(table, Counter())
    for row, count in counts.items():
        rows[row if row in rows or len(rows) < most else OTHER] += count


def questions(today: date) -> dict[str, Question]:
    """Return what pages of the dashboard ask, by what they show."""

    def last(days: int) -> Range:
        return Range(today - timedelta(days=days - 1), today)

    page = Filter(Kind.PAGES, ("/articles/7",))
    not_pages = Filter(Kind.PAGES, ("/articles/0", "/articles/1"), negated=True)
    referrer = Filter(Kind.REFERRERS, ("site-3.example",))
    not_direct = Filter(Kind.REFERRERS, (DIRECT,), negated=True)
    return {
        "today": Question(last(1), Interval.HOUR),
        "30 days": Question(last(30), Interval.DAY),
        "90 days": Question(last(90), Interval.DAY),
        "a year": Question(last(365), Interval.MONTH),
        "a year by day": Question(last(365), Interval.DAY),
        "30 days of a page": Question(last(30), Interval.DAY, (page,)),
        "a year of a page": Question(last(365), Interval.MONTH, (page,)),
        "a year of a page by day": Question(last(365), Interval.DAY, (page,)),
        "30 days of a page and referrer": Question(last(30), Interval.DAY, (page, referrer)),
        "30 days without two pages": Question(last(30), Interval.DAY, (not_pages,)),
        "a year without two pages": Question(last(365), Interval.MONTH, (not_pages,)),
        "30 days of a referrer": Question(last(30), Interval.DAY, (referrer,)),
        "a year of a referrer": Question(last(365), Interval.MONTH, (referrer,)),
        "30 days, not direct": Question(last(30), Interval.DAY, (not_direct,)),
        "30 days of a campaign": Question(
            last(30), Interval.DAY, (Filter(Kind.CAMPAIGNS, ("campaign 3",)),)
        ),
    }


def main() -> None:
    """Measure everything, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--times", type=int, default=100, help="of each page (%(default)s)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(directory_on_disk())
        server = stack.enter_context(embedded_redis(directory / "redis"))
        writer, client = (
            stack.enter_context(contextlib.closing(connect(server.url, wait_seconds=seconds)))
            for seconds in (_LOADING_SECONDS, WAIT_SECONDS)
        )
        load_sites(writer, large_site(datetime.now(timezone.utc).date()))
        sends = count_sends(client)
        columns = ["Median, ms", "p99, ms", "Round trips"]
        limits = (MEDIAN_MS, P99_MS, ROUND_TRIPS)
        print_heading(
            f"{PAGES:,} pages, {_DAYS} days of {VIEWS_A_DAY:,} views; each {options.times} times.",
            ["Page", "First, ms"] + [f"{name}: at most {at}" for name, at in zip(columns, limits)],
        )
        kept = True
        for name, ask in cases(client).items():
            first, *measured = measure(ask, sends, Recorder(writer), options.times)
            kept &= all(figure <= limit for figure, limit in zip(measured, limits))
            figures = " | ".join(f"{figure:.1f}" for figure in measured[:2])
            print(f"| {name} | {first:.1f} | {figures} | {measured[2]:.0f} |", flush=True)
    sys.exit(not kept)


def cases(client: redis.Redis) -> dict[str, Callable[[], object]]:
    """Return what to call for each page, or part of one."""
    reader = Reader(client)
    today = reader.open(SITE).now.date()
    found: dict[str, Callable[[], object]] = {
        name: partial(_ask, reader, question) for name, question in questions(today).items()
    }
    found["all sites"] = reader.overviews
    # By name, since nobody may depend on a service.
    browser = import_module("services.dashboard.app").create_app(client).test_client()
    for path in ("/dashboard/", f"/dashboard/sites/{SITE}/"):
        found[f"`{path}`"] = partial(browser.get, path)
    return found


def _ask(reader: Reader, question: Question) -> Report:
    return reader.report(reader.open(SITE), question)


def measure(
    ask: Callable[[], object], sends: Callable[[], int], recorder: Recorder, times: int
) -> tuple[float, float, float, float]:
    """Return the first time, the median, the 99th percentile (ms), and the most round trips."""
    milliseconds, round_trips = [], []
    for i in range(times + 1):
        recorder.record(SITE, [View(f"/articles/{i}", time.time())])
        sent, began = sends(), time.perf_counter()
        ask()
        milliseconds.append(1000 * (time.perf_counter() - began))
        round_trips.append(sends() - sent)
    first, *others = milliseconds
    return (
        first,
        statistics.median(others),
        statistics.quantiles(others, n=100)[98],
        max(round_trips[1:]),
    )


if __name__ == "__main__":
    main()
