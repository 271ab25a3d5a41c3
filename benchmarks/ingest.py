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
from benchmarks.web_servers import OURS, directory_on_disk, free_port, redis_server, web_server
from libs.page_views.reading import totals
from libs.page_views.registry import add_site
from libs.redis_access.connection import connect

CONNECTIONS = 64
BATCH = 100
SITE = "example.org"

_SCRIPT = Path(__file__).with_name("post_views.lua")


def main() -> None:
    """Measure everything and print the table; exit with status 1 if a request failed."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each case (%(default)s)")
    parser.add_argument("--seconds", type=int, default=2, help="of each run (%(default)s)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(directory_on_disk())
        redis_port = free_port()
        stack.enter_context(redis_server(directory / "redis", redis_port))
        client = stack.enter_context(contextlib.closing(connect(f"redis://127.0.0.1:{redis_port}")))
        site = add_site(client, SITE, client_limit=0, site_limit=0)
        web = stack.enter_context(web_server(OURS, redis_port, directory / "log"))
        cases: dict[str, Callable[[], Load]] = {
            "page": lambda: view_page(web.port, CONNECTIONS, options.seconds),
            "single": lambda: send_views(web.port, 1, options.seconds),
            "batch": lambda: send_views(web.port, BATCH, options.seconds),
        }
        runs = {name: [case()] for name, case in cases.items()}  # the first runs do not count
        for _ in range(options.rounds):
            for name, case in cases.items():
                runs[name].append(case())
        rate = {
            name: statistics.median(run.requests_per_second for run in each[1:])
            for name, each in runs.items()
        }
        pause = 1000 * CONNECTIONS / (rate["single"] / 2)
        runs["half"] = [send_views(web.port, 1, 2 * options.seconds, pause)]
        sent = sum(run.requests for run in runs["single"] + runs["half"])
        sent += BATCH * sum(run.requests for run in runs["batch"])
        stored = totals(client, site).views
    print_heading(
        f"`always`, {CONNECTIONS} connections, medians of {options.rounds} runs of"
        f" {options.seconds} s. Of {sent:,} acknowledged views, {min(stored, sent):,} are stored."
    )
    shares = [
        single.requests_per_second / page.requests_per_second
        for single, page in zip(runs["single"][1:], runs["page"][1:])
    ]
    half = runs["half"][0]
    report("The page: requests per second", None, rate["page"])
    report("Single views: requests per second", None, rate["single"])
    report("Single views, × the page's: at least", 0.7, statistics.median(shares), 2)
    report(f"Batches of {BATCH}: views per second: at least", 20_000, BATCH * rate["batch"])
    what = f"Single views at {half.requests_per_second:,.0f} per second: p99, ms: at most"
    report(what, 10, half.p99_ms, 1)
    sys.exit(any(run.failed for each in runs.values() for run in each) or stored < sent)


def report(what: str, target: float | None, measured: float, digits: int = 0) -> None:
    """Print one row of the table."""
    print(f"| {what} | {'' if target is None else target} | {measured:,.{digits}f} |")


def send_views(port: int, views: int, seconds: int, pause_milliseconds: float = 0) -> Load:
    """Send requests with that many views each for that many seconds."""
    url = f"http://127.0.0.1:{port}/api/v1/views"
    after = (SITE, str(views), str(pause_milliseconds))
    return wrk(url, CONNECTIONS, seconds, "--script", str(_SCRIPT), after=after)


if __name__ == "__main__":
    main()
