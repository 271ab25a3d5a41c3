"""What the comparison of web servers measures, and the file that publishes it."""

import dataclasses
import json
import statistics
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from build_support.testing import REPOSITORY

PUBLISHED = REPOSITORY / "docs/throughput.json"
"""The figures of docs/benchmarks.md, and those that benchmarks/throughput_guard.py relies on."""


class Case(NamedTuple):
    """What is measured: a web server, its Redis's appendfsync, and a number of connections."""

    server: str
    appendfsync: str
    connections: int


@dataclasses.dataclass(frozen=True)
class Run:
    """What came of one run of a case."""

    requests_per_second: float
    p99_ms: float
    failed: int
    """Requests without an answer of status 200."""
    web_cpu_us: float
    """Microseconds of processor time per request, of Gunicorn."""
    redis_cpu_us: float
    used_elsewhere: float
    """The share of the machine's processor time that other processes used."""


Runs = dict[Case, list[Run]]


def rate(run: Run) -> float:
    """Return the requests per second."""
    return run.requests_per_second


def p99_ms(run: Run) -> float:
    """Return the time within which 99 % of the requests are answered."""
    return run.p99_ms


def ratio(runs: Runs, case: Case, other: Case, figure: Callable[[Run], float]) -> float:
    """Return the median of a figure's ratios in two cases, each of the same round."""
    pairs = zip(runs[case], runs[other], strict=True)
    return statistics.median(figure(run) / figure(other_run) for run, other_run in pairs)


def write(file: Path, about: dict[str, object], runs: Runs) -> None:
    """Write runs to a file, and what there is to say about them."""
    lines = [
        json.dumps(
            {
                **case._asdict(),
                **{
                    field.name: [round(getattr(run, field.name), 3) for run in every]
                    for field in dataclasses.fields(Run)
                },
            }
        )
        for case, every in runs.items()
    ]
    head = json.dumps(about, indent=1).removesuffix("\n}")
    file.write_text(f'{head},\n "cases": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n", "utf-8")


def read(file: Path) -> Runs:
    """Return the runs in a file."""
    runs = defaultdict(list)
    for each in json.loads(file.read_text(encoding="utf-8"))["cases"]:
        case = Case(*(each.pop(name) for name in Case._fields))
        runs[case] = [Run(**dict(zip(each, figures))) for figures in zip(*each.values())]
    return runs
