"""Send as many requests as are answered, over a number of connections, and time the answers.

Each connection sends its next request when it has the answer to the last: a closed loop.
"""

import csv
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The same script, with the same arguments, as for the page; only the random part is shorter.
from libs.page_views.counting import COUNT_ONCE, NONCE_SECONDS, PAGE_VIEWS_KEY

_NONCE_KEY = f"{{{PAGE_VIEWS_KEY}}}:nonce:__rand_int__"
_RUN_LOAD = Path(__file__).with_name("run_load.sh")
_MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}


@dataclass(frozen=True)
class Load:
    """What came of the requests of one run."""

    requests: int
    requests_per_second: float
    p99_ms: float
    failed: int
    """Requests without an answer of status 200."""


class LoadError(Exception):
    """A program sent no requests; the message is what it said."""


def view_page(port: int, connections: int, seconds: int) -> Load:
    """View the page at a port of this machine for that many seconds."""
    return wrk(f"http://127.0.0.1:{port}/", connections, seconds)


def wrk(url: str, connections: int, seconds: int, *options: str, after: Sequence[str] = ()) -> Load:
    """Send requests to url for that many seconds; after are the arguments of wrk's script."""
    common = (
        f"--threads 1 --connections {connections} --duration {seconds}s --timeout 10s --latency"
    )
    arguments = ("--", *after) if after else ()
    return parse_wrk(_run("wrk", *common.split(), *options, url, *arguments))


def call_script(port: int, connections: int, seconds: int) -> Load:
    """Count views in the Redis at a port, one view per call, for about that many seconds."""
    requests = 1000 * seconds * min(connections, 8)
    options = f"-p {port} -c {connections} -n {requests} -r 1000000000 --csv"
    script = ("eval", COUNT_ONCE, "2", PAGE_VIEWS_KEY, _NONCE_KEY, str(NONCE_SECONDS))
    return parse_redis_benchmark(_run("redis-benchmark", *options.split(), *script), requests)


def parse_wrk(output: str) -> Load:
    """Return what wrk prints with --latency. Raises LoadError if that is something else."""
    requests = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec: +([\d.]+)", output)
    p99 = re.search(r" 99% +([\d.]+)(us|ms|s|m)\s", output)
    if not (requests and rate and p99) or requests[1] == "0":
        raise LoadError(f"wrk got no answer, and printed: {output}")
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return Load(
        requests=int(requests[1]),
        requests_per_second=float(rate[1]),
        p99_ms=float(p99[1]) * _MILLISECONDS[p99[2]],
        failed=sum(
            int(number) for found in (errors, refused) if found for number in found.groups()
        ),
    )


def parse_redis_benchmark(output: str, requests: int) -> Load:
    """Return what redis-benchmark prints with --csv. Raises LoadError if that is something else."""
    try:
        row = next(csv.DictReader(output.splitlines(keepends=True)))
        rate, p99 = float(row["rps"]), float(row["p99_latency_ms"])
    except (StopIteration, KeyError, ValueError) as error:
        raise LoadError(f"redis-benchmark printed: {output}") from error
    return Load(requests, rate, p99, failed=0)  # it stops at the first error


def _run(*command: str) -> str:
    """Return what a program prints. Raises LoadError if it fails."""
    done = subprocess.run([_RUN_LOAD, *command], check=False, capture_output=True, text=True)
    if done.returncode:
        raise LoadError(f"{command[0]} failed: {done.stderr or done.stdout}")
    return done.stdout
