"""Measure how many views the page answers per second, and what visitors see when Redis fails.

    ./pants run benchmarks/throughput.py

Compares the page with the tutorial's application, with an empty view, and with Redis alone. Writes
docs/throughput.json and docs/throughput.svg and prints tables for docs/benchmarks.md. Takes about
15 minutes, in which nothing else should run.
"""

import argparse
import dataclasses
import itertools
import os
import signal
import statistics
import sys
from collections import defaultdict

from benchmarks.clone import print_heading
from benchmarks.comparison import BARE_SCRIPT, Subject, running
from benchmarks.figures import PUBLISHED, Case, Runs, write
from benchmarks.outage import break_everything
from benchmarks.throughput_chart import chart
from benchmarks.throughput_tables import (
    print_costs,
    print_other_targets,
    print_runs,
    print_speed_targets,
)
from benchmarks.web_servers import EMPTY, OURS, TUTORIAL, TUTORIAL_2

SERVERS = (OURS, TUTORIAL, TUTORIAL_2, EMPTY)
MEASURED = (*SERVERS, BARE_SCRIPT)
APPENDFSYNC = ("always", "everysec")
CONNECTIONS = (1, 16, 64, 256)
CROWD = Case(OURS, "always", 1000)
OUTAGES = 3


def main() -> None:
    """Measure everything, print the tables, and write the files."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="runs of each case (%(default)s)")
    parser.add_argument("--seconds", type=int, default=2, help="of each run (%(default)s)")
    options = parser.parse_args()
    with running(*SERVERS) as subjects:
        runs = measure(subjects, options.rounds, options.seconds)
        megabytes = {name: subjects[name].web.worker_megabytes() for name in SERVERS}
    seen = [break_everything() for _ in range(OUTAGES)]
    elsewhere = [100 * run.used_elsewhere for each in runs.values() for run in each]
    print_heading(
        f"Medians of {options.rounds} runs of {options.seconds} s, taken in turns. Other "
        f"processes used {statistics.median(elsewhere):.0f} % of the processors, and at most "
        f"{max(elsewhere):.0f} % in a run."
    )
    print_speed_targets(runs, CROWD)
    print_other_targets(megabytes[OURS], seen)
    print_runs(runs, MEASURED, CONNECTIONS)
    print_costs(runs, megabytes)
    about = {
        "cores": os.cpu_count(),
        "seconds": options.seconds,
        "worker_megabytes": megabytes,
        "outages": [dataclasses.asdict(each) for each in seen],
    }
    write(PUBLISHED, about, runs)
    PUBLISHED.with_suffix(".svg").write_text(chart(runs, APPENDFSYNC, CONNECTIONS), "utf-8")


def measure(subjects: dict[str, Subject], rounds: int, seconds: int) -> Runs:
    """Measure every case once in each round, after one run of each server that does not count."""
    cases = [Case(*each) for each in itertools.product(MEASURED, APPENDFSYNC, CONNECTIONS)]
    cases.sort(key=lambda case: (case.appendfsync, case.connections))  # compared ones together
    for name in SERVERS:
        subjects[name].measure(Case(name, "always", max(CONNECTIONS)), 1)
    runs: Runs = defaultdict(list)
    for _ in range(rounds):
        for case in [*cases, CROWD]:
            subject = subjects[OURS if case.server == BARE_SCRIPT else case.server]
            runs[case].append(subject.measure(case, seconds))
    return runs


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up
    main()
