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
from importlib import import_module
from itertools import accumulate
from typing import Any

import redis
from flask.testing import FlaskClient

from benchmarks.clone import print_heading
from benchmarks.web_servers import directory_on_disk
from libs.page_views.reading import OTHER, Kind
from libs.page_views.recording import MOST_ROWS, Recorder, View
from libs.page_views.transfer import Record, head, load_sites
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.testing import count_sends

SITE = "large.example"
PAGES, REFERRERS, VIEWS_A_DAY = 10_000, 300, 6_000
MEDIAN_MS, P99_MS, ROUND_TRIPS, KILOBYTES = 100, 300, 3, 15
READING_SECONDS = 0.8
"""As the dashboard waits for each answer of Redis."""

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


def addresses(today: date) -> dict[str, str]:
    """Return the address of each page, by what it shows."""
    year = f"from={today - timedelta(days=364)}&to={today}&by=day"
    files = ("dashboard.css", "dashboard.js", "icon.svg")
    site = {
        "today": "?range=today",
        "30 days": "?range=30",
        "90 days": "?range=90",
        "a year": "?range=year",
        "a year by day": f"?{year}",
        "30 days of a page": "?range=30&page=/articles/7",
        "a year of a page": "?range=year&page=/articles/7",
        "a year of a page by day": f"?{year}&page=/articles/7",
        "a year of a page and a referrer": "?range=year&page=/articles/7&referrer=site-3.example",
        "a year without two pages": "?range=year&not-page=/articles/0&not-page=/articles/1",
        "a year of a referrer": "?range=year&referrer=site-3.example",
        "a year, not direct": "?range=year&not-referrer=(direct)",
        "30 days of a campaign": "?range=30&campaign=campaign%203",
        "all pages of a year": "pages?range=year",
        "pages of a year that are searched": "pages?range=year&search=77&sort=visitors",
        "all pages of a year as CSV": "pages.csv?range=year",
        "settings": "settings",
    }
    return {
        "all sites": "/dashboard/",
        **{name: f"/dashboard/sites/{SITE}/{rest}" for name, rest in site.items()},
        **{f"`{name}`, once": f"/dashboard/static/{name}" for name in files},
    }


def main() -> None:
    """Measure everything, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--times", type=int, default=100, help="of each page (%(default)s)")
    times = parser.parse_args().times
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(directory_on_disk())
        url = stack.enter_context(embedded_redis(directory / "redis")).url
        writer, client = (
            stack.enter_context(contextlib.closing(connect(url, wait_seconds=seconds)))
            for seconds in (_LOADING_SECONDS, READING_SECONDS)
        )
        load_sites(writer, large_site(datetime.now(timezone.utc).date()))
        sys.exit(not print_table(client, Recorder(writer), times))


def print_table(client: redis.Redis, recorder: Recorder, times: int) -> bool:
    """Measure every page so many times; return whether all limits are kept."""
    sends = count_sends(client)
    browser = dashboard_browser(client)
    limits = (MEDIAN_MS, P99_MS, ROUND_TRIPS, KILOBYTES)
    columns = [
        f"{name}: at most {at}"
        for name, at in zip(["Median, ms", "p99, ms", "Round trips", "KB, gzipped"], limits)
    ]
    print_heading(
        f"{PAGES:,} pages, {_DAYS} days of {VIEWS_A_DAY:,} views; each {times} times.",
        ["Page", "First, ms", *columns],
    )
    kept = True
    for name, address in addresses(datetime.now(timezone.utc).date()).items():
        first, *measured = measure(browser, address, sends, recorder, times)
        limited = measured[:3] if ".csv" in address else measured  # a file may be large
        kept &= all(figure <= limit for figure, limit in zip(limited, limits))
        figures = " | ".join(f"{figure:.1f}" for figure in (first, *measured))
        print(f"| {name} | {figures} |", flush=True)
    return kept


def dashboard_browser(client: redis.Redis) -> FlaskClient:
    """Return who has signed in to a dashboard that keeps no answer, though views are counted."""
    # By name, since nobody may depend on a service.
    dashboard: Any = import_module("services.dashboard.app")
    dashboard.KEPT_SECONDS = 0
    testing: Any = import_module("services.dashboard.testing")
    browser: FlaskClient = testing.signed_in_client(dashboard.create_app(client), client)
    return browser


def measure(
    browser: FlaskClient, address: str, sends: Callable[[], int], recorder: Recorder, times: int
) -> tuple[float, float, float, float, float]:
    """Return the first time, median and 99th percentile (ms), most round trips, and the size (KB).

    Raises RuntimeError if the page is an error.
    """
    milliseconds, round_trips, kilobytes = [], [], 0.0
    for i in range(times + 1):
        recorder.record(SITE, [View(f"/articles/{i}", time.time())])
        sent, began = sends(), time.perf_counter()
        answer = browser.get(address, headers={"Accept-Encoding": "gzip"})
        milliseconds.append(1000 * (time.perf_counter() - began))
        round_trips.append(sends() - sent)
        kilobytes = len(answer.data) / 1000
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status}")
    first, *others = milliseconds
    p99 = statistics.quantiles(others, n=100)[98]
    return first, statistics.median(others), p99, max(round_trips[1:]), kilobytes


if __name__ == "__main__":
    main()
