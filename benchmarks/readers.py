"""Measure how much people who read dashboards slow the tracker down.

    ./pants run benchmarks/readers.py

Sends views at a quarter of what the tracker can record, in turns with and without 20 people, of
whom each opens another page of a large site every few seconds. That site is viewed, too, so what
the dashboard has read does not stay right. Prints a table for docs/benchmarks.md; exits with status
1 if the limit is not kept. Takes about a minute.
"""

import argparse
import contextlib
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from typing import NamedTuple

import redis
import requests

from benchmarks.clone import print_heading
from benchmarks.dashboard import SITE as LARGE
from benchmarks.dashboard import large_site
from benchmarks.ingest import CONNECTIONS, SITE, median_rate, report, send_views
from benchmarks.load import Load
from benchmarks.web_servers import (
    DASHBOARD,
    OURS,
    WebServer,
    cpu_seconds,
    redis_on_disk,
    web_server,
)
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import add_site, change_site, find_site
from libs.page_views.transfer import load_sites
from libs.redis_access.connection import connect

READERS, PAUSE_SECONDS = 20, 5
MOST = 1.2
"""How many times as long the slowest hundredth of views may take."""

_QUERIES = ("", "?range=today", "?range=7", "?range=90", "?range=year", "?page=/articles/7")
_LOADING_SECONDS = 10
_SLOW_MICROSECONDS, _MOST_SLOW = 100, 10_000


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each case (%(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of each run (%(default)s)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory, port = stack.enter_context(redis_on_disk())
        client = connect(f"redis://127.0.0.1:{port}", wait_seconds=_LOADING_SECONDS)
        stack.enter_context(contextlib.closing(client))
        add_site(client, SITE, client_limit=0, site_limit=0)
        load_sites(client, large_site(datetime.now(timezone.utc).date()))
        change_site(client, find_site(client, LARGE), public=1)
        client.config_set("slowlog-log-slower-than", _SLOW_MICROSECONDS)
        client.config_set("slowlog-max-len", _MOST_SLOW)
        web = stack.enter_context(web_server(OURS, port, directory / "web"))
        dashboard = stack.enter_context(web_server(DASHBOARD, port, directory / "dashboard"))
        rate = median_rate([send_views(web.port, 1, options.seconds) for _ in range(3)]) / 4
        send = partial(send_views, web.port, 1, options.seconds, 1000 * CONNECTIONS / rate)
        figures = measure(client, dashboard, send, options.rounds)
    print_heading(
        f"{rate:,.0f} views per second; {READERS} people opened {figures.pages} pages, one each"
        f" {PAUSE_SECONDS} s. Medians of {options.rounds} runs of {options.seconds} s."
    )
    share = figures.beside / figures.alone
    report("p99 of a view alone, ms", None, figures.alone, 1)
    report("p99 of a view while people read, ms", None, figures.beside, 1)
    report("The second as a multiple of the first: at most", MOST, share, 2)
    report("Longest command of the dashboard in Redis, ms", None, figures.longest, 1)
    report("Processor time of the dashboard for a page, ms", None, figures.cpu, 1)
    sys.exit(share > MOST)


class Figures(NamedTuple):
    """What was measured; all times are in milliseconds."""

    alone: float
    beside: float
    """The slowest hundredth of views, without and with people who read."""
    longest: float
    """Of the commands in Redis that only read."""
    cpu: float
    """Of the dashboard, for a page."""
    pages: int


def measure(
    client: redis.Redis, dashboard: WebServer, send: Callable[[], Load], rounds: int
) -> Figures:
    """Send views, in turns without and with people who read."""
    alone, beside, longest, pages = [], [], 0.0, 0
    used = -cpu_of(dashboard)
    for _ in range(rounds):
        alone.append(send().p99_ms)
        client.slowlog_reset()
        with reading(dashboard.port) as seen, viewing(client):
            beside.append(send().p99_ms)
        longest = max(longest, longest_read_ms(client))
        pages += len(seen)
    used += cpu_of(dashboard)
    return Figures(
        statistics.median(alone), statistics.median(beside), longest, 1000 * used / pages, pages
    )


def cpu_of(server: WebServer) -> float:
    """Return how much processor time a server has used, in seconds."""
    return sum(map(cpu_seconds, server.processes()))


def longest_read_ms(client: redis.Redis) -> float:
    """Return how long Redis took for the longest command that only reads, or 0 if none was slow."""
    slow = client.slowlog_get(_MOST_SLOW)
    reads = [each["duration"] for each in slow if not each["command"].startswith(b"EVAL")]
    return max(reads, default=0) / 1000


@contextlib.contextmanager
def viewing(client: redis.Redis) -> Iterator[None]:
    """Record a view of the large site every second until the context ends."""
    done = threading.Event()
    recorder = Recorder(client)

    def view() -> None:
        while not done.wait(1):
            recorder.record(LARGE, [View("/articles/7", time.time())])

    thread = threading.Thread(target=view)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def reading(port: int) -> Iterator[list[str]]:
    """Let people read until the context ends; yield the pages that they have seen.

    Raises requests.HTTPError if a page is an error.
    """
    done = threading.Event()
    pages: list[str] = []
    problems: list[Exception] = []

    def read(number: int) -> None:
        dice = random.Random(number)  # nosec B311
        with requests.Session() as session:
            done.wait(dice.random() * PAUSE_SECONDS)
            while not done.is_set():
                address = f"/dashboard/share/{LARGE}/{dice.choice(_QUERIES)}"
                try:
                    session.get(f"http://127.0.0.1:{port}{address}").raise_for_status()
                except requests.RequestException as error:
                    problems.append(error)
                    return
                pages.append(address)
                done.wait(PAUSE_SECONDS)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield pages
    finally:
        done.set()
        for thread in threads:
            thread.join()
    for problem in problems:
        raise problem


if __name__ == "__main__":
    main()
