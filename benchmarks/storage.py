"""Flood a site with random paths: Redis must count them all, within the memory of docs/storage.md.

./pants run benchmarks/storage.py -- --views 50000
"""

import argparse
import contextlib
import secrets
import sys
import time
from collections.abc import Iterator, Mapping

import redis

from benchmarks.web_servers import directory_on_disk
from libs.page_views import reading
from libs.page_views.reading import Kind
from libs.page_views.recording import MOST_NOW, MOST_ROWS, Recorder, View
from libs.page_views.registry import Site, add_site
from libs.page_views.visitors import Client
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis

_BATCH = 500

# Bytes, as measured on Redis 8.0 and rounded up.
ROW = 112
"""Of a table, besides the name of the row."""
VISITORS = 14_700
"""Of a row's visitors in a day: a HyperLogLog, and its key besides the name of the row."""
NONCE = 200
RATE = 140
NOW = 140

FLOODED = {Kind.PAGES: 33, Kind.REFERRERS: 24, Kind.PAIRS: 58}
"""How long the names of the rows are that random views have, in bytes."""
LONGEST = {Kind.PAGES: 2_048, Kind.REFERRERS: 253, Kind.CAMPAIGNS: 256, Kind.PAIRS: 2_302}


def table_bytes(names: Mapping[Kind, int], period: str) -> int:
    """Return how much the full tables of a day, a month or all time need, their visitors' too."""
    most = "day" if period == "day" else "month"
    kinds = [kind for kind in names if period != "all" or kind is not Kind.PAIRS]
    return sum(2 * (MOST_ROWS[kind.value][most] + 1) * (ROW + names[kind]) for kind in kinds)


def visitors_bytes(names: Mapping[Kind, int]) -> int:
    """Return how much the visitors of a day need at most, in all rows, hours and the day itself."""
    of_rows = sum((MOST_ROWS[kind.value]["day"] + 1) * (VISITORS + names[kind]) for kind in names)
    return of_rows + 25 * VISITORS


def print_worst_case() -> None:
    """Print what a site needs at most, with the longest names in all rows."""
    megabytes = {
        "tables of a day, kept for 400 days": table_bytes(LONGEST, "day"),
        "tables of a month, kept for ever": table_bytes(LONGEST, "month"),
        "tables of all time": table_bytes(LONGEST, "all"),
        "visitors of a day, kept for 48 hours": visitors_bytes(LONGEST),
        "who is here now": MOST_NOW * NOW,
        "nonces, at 100 views/s": 100 * 600 * NONCE,
    }
    print("| At most | MB |\n|---|---|")
    for what, size in megabytes.items():
        print(f"| {what} | {size / 1e6:.1f} |")


def random_views(number: int) -> Iterator[list[View]]:
    """Yield batches of views, each of another page, referrer and visitor."""
    for first in range(0, number, _BATCH):
        yield [
            View(
                f"/{secrets.token_hex(16)}",
                time.time(),
                Client(secrets.token_bytes(4), "browser"),
                f"{secrets.token_hex(8)}.example",
            )
            for _ in range(min(_BATCH, number - first))
        ]


def flood(client: redis.Redis, number: int) -> bool:
    """Send that many random views; print and return whether all that should hold does."""
    site = add_site(client, "flood.example", client_limit=0, site_limit=0)
    recorder = Recorder(client)
    before, began = client.info("memory")["used_memory"], time.monotonic()
    for views in random_views(number):
        recorder.record(site.name, views)
    seconds = time.monotonic() - began
    used = client.info("memory")["used_memory"] - before
    tables = sum(table_bytes(FLOODED, period) for period in ("day", "month", "all"))
    rest = visitors_bytes(FLOODED) + MOST_NOW * NOW
    bound = tables + rest + number * NONCE
    total = reading.totals(client, site).views
    pages = sum(count.views for count in reading.rows(client, site, Kind.PAGES).values())
    print(f"\n{number:,} views of as many pages: {number / seconds:,.0f} views/s")
    print(f"counted: {total:,}; in the rows of pages: {pages:,}")
    print(f"memory: {used / 1e6:.1f} MB, at most {bound / 1e6:.1f} MB")
    print(f"  without nonces: {(used - nonces_bytes(client, site)) / 1e6:.1f} MB", end="")
    print(f", at most {(tables + rest) / 1e6:.1f} MB, however many views there are")
    return total == pages == number and used <= bound


def nonces_bytes(client: redis.Redis, site: Site) -> int:
    """Return about how much memory the nonces of a site need."""
    keys = list(client.scan_iter(f"{site.key}:nonce:*", count=1000))
    return len(keys) * int(client.memory_usage(keys[0]) or 0)


def count_visitors(client: redis.Redis) -> None:
    """Print how far the number of a day's visitors is from the truth."""
    print("\n| Visitors | Counted | Error |\n|---|---|---|")
    recorder = Recorder(client)
    for visitors in (reading.EXACT_VISITORS, 1_000, 10_000, 100_000):
        site = add_site(client, f"{visitors}.example", client_limit=0, site_limit=0)
        for first in range(0, visitors, _BATCH):
            numbers = range(first, min(first + _BATCH, visitors))
            clients = [Client(number.to_bytes(4, "big"), "browser") for number in numbers]
            recorder.record(site.name, [View("/", time.time(), client) for client in clients])
        found = reading.totals(client, site).visitors
        print(f"| {visitors:,} | {found:,} | {abs(found - visitors) / visitors:.2%} |")


def main() -> None:
    """Run everything on a Redis of its own; exit with status 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=1_000_000, help="how many (%(default)s)")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(directory_on_disk())
        server = stack.enter_context(embedded_redis(directory / "redis"))
        client = stack.enter_context(contextlib.closing(connect(server.url)))
        print_worst_case()
        holds = flood(client, arguments.views)
        count_visitors(client)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
