"""Measure how many views of a site are recorded per second, and compare with the front page.

    ./pants run benchmarks/ingest.py

All runs use one server, in turns: the page, single views, and batches. Prints a table for
docs/benchmarks.md. Takes about two minutes, in which nothing else should run.
"""

import argparse
import contextlib
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.clone import print_heading
from benchmarks.load import Load, view_page, wrk
from benchmarks.web_servers import OURS, redis_on_disk, web_server
from libs.page_views.reading import totals
from libs.page_views.registry import add_site
from libs.redis_access.connection import connect

CONNECTIONS = 64
BATCH = 100
SITE = "example.org"

_SCRIPT = Path(__file__).with_name("post_views.lua")


Runs = dict[str, list[Load]]


def main() -> None:
    """Measure everything and print the table; exit with status 1 if a view is missing."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each case (%(default)s)")
    parser.add_argument("--seconds", type=int, default=2, help="of each run (%(default)s)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory, port = stack.enter_context(redis_on_disk())
        client = stack.enter_context(contextlib.closing(connect(f"redis://127.0.0.1:{port}")))
        site = add_site(client, SITE, client_limit=0, site_limit=0)
        web = stack.enter_context(web_server(OURS, port, directory / "log"))
        runs = measure(web.port, options.rounds, options.seconds)
        stored = totals(client, site).views
    sent = sum(run.requests for run in runs["single"] + runs["half"])
    sent += BATCH * sum(run.requests for run in runs["batch"])
    print_heading(
        f"`always`, {CONNECTIONS} connections, medians of {options.rounds} runs of"
        f" {options.seconds} s. Of {sent:,} acknowledged views, {min(stored, sent):,} are stored."
    )
    print_rows(runs)
    sys.exit(any(run.failed for each in runs.values() for run in each) or stored < sent)


def measure(port: int, rounds: int, seconds: int) -> Runs:
    """Measure all cases in turns, after one run of each that only warms up."""
    cases: dict[str, Callable[[], Load]] = {
        "page": lambda: view_page(port, CONNECTIONS, seconds),
        "single": lambda: send_views(port, 1, seconds),
        "batch": lambda: send_views(port, BATCH, seconds),
    }
    runs: Runs = {name: [] for name in cases}
    for _ in range(rounds + 1):
        for name, case in cases.items():
            runs[name].append(case())
    pause = 1000 * CONNECTIONS / (median_rate(runs["single"]) / 2)
    runs["half"] = [send_views(port, 1, 2 * seconds, pause)]
    return runs


def median_rate(runs: list[Load]) -> float:
    """Return the median of the requests per second, without the first run's."""
    return statistics.median(run.requests_per_second for run in runs[1:])


def print_rows(runs: Runs) -> None:
    """Print the rows of the table."""
    shares = [
        single.requests_per_second / page.requests_per_second
        for single, page in zip(runs["single"][1:], runs["page"][1:])
    ]
    half = runs["half"][0]
    report("The page: requests per second", None, median_rate(runs["page"]))
    report("Single views: requests per second", None, median_rate(runs["single"]))
    report("Single views, × the page's: at least", 0.7, statistics.median(shares), 2)
    views = BATCH * median_rate(runs["batch"])
    report(f"Batches of {BATCH}: views per second: at least", 20_000, views)
    what = f"Single views at {half.requests_per_second:,.0f} per second: p99, ms: at most"
    report(what, 10, half.p99_ms, 1)


def report(what: str, target: float | None, measured: float, digits: int = 0) -> None:
    """Print one row of the table."""
    print(f"| {what} | {'' if target is None else target} | {measured:,.{digits}f} |")


def send_views(port: int, views: int, seconds: int, pause_milliseconds: float = 0) -> Load:
    """Send requests with that many views each for that many seconds."""
    url = f"http://127.0.0.1:{port}/api/v1/views"
    after = (SITE, str(views), str(round(pause_milliseconds)))
    return wrk(url, CONNECTIONS, seconds, "--script", str(_SCRIPT), after=after)


if __name__ == "__main__":
    main()
