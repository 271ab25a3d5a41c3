"""Measure how much people who read dashboards slow the tracker down.

    ./pants run benchmarks/readers.py

Sends views at a quarter of what the tracker can record, in turns with and without 20 people, of
whom each opens another page of a large site every few seconds. Prints a table for
docs/benchmarks.md; exits with status 1 if the limit is not kept. Takes about a minute.
"""

import argparse
import contextlib
import random
import statistics
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timezone

import requests

from benchmarks.clone import print_heading
from benchmarks.dashboard import SITE as LARGE
from benchmarks.dashboard import large_site
from benchmarks.ingest import CONNECTIONS, SITE, median_rate, report, send_views
from benchmarks.web_servers import DASHBOARD, OURS, redis_on_disk, web_server
from libs.page_views.registry import add_site, change_site, find_site
from libs.page_views.transfer import load_sites
from libs.redis_access.connection import connect

READERS, PAUSE_SECONDS = 20, 5
MOST = 1.2
"""How many times as long the slowest hundredth of views may take."""

_QUERIES = ("", "?range=today", "?range=7", "?range=90", "?range=year", "?page=/articles/7")
_LOADING_SECONDS = 10


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
        web = stack.enter_context(web_server(OURS, port, directory / "web"))
        dashboard = stack.enter_context(web_server(DASHBOARD, port, directory / "dashboard"))
        rate = median_rate([send_views(web.port, 1, options.seconds) for _ in range(3)]) / 4
        pause = 1000 * CONNECTIONS / rate
        alone, beside, seen = [], [], 0
        for _ in range(options.rounds):
            alone.append(send_views(web.port, 1, options.seconds, pause).p99_ms)
            with reading(dashboard.port) as pages:
                beside.append(send_views(web.port, 1, options.seconds, pause).p99_ms)
            seen += len(pages)
    print_heading(
        f"{rate:,.0f} views per second; {READERS} people opened {seen} pages, one each"
        f" {PAUSE_SECONDS} s. Medians of {options.rounds} runs of {options.seconds} s."
    )
    share = statistics.median(beside) / statistics.median(alone)
    report("p99 of a view alone, ms", None, statistics.median(alone), 1)
    report("p99 of a view while people read, ms", None, statistics.median(beside), 1)
    report("The second as a multiple of the first: at most", MOST, share, 2)
    sys.exit(share > MOST)


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
