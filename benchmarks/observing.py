"""Measure what metrics and logs cost: the page with them, without, and with a line for each view.

    ./pants run benchmarks/observing.py

Prints a table for docs/benchmarks.md. Takes about 5 minutes, in which nothing else should run.
"""

import argparse
import os
import statistics

from benchmarks.comparison import Subject, running
from benchmarks.figures import Case, Run
from benchmarks.web_servers import EVERY_REQUEST, OURS, UNOBSERVED

MOST_PERCENT = 10
CONNECTIONS = 16
SERVERS = (UNOBSERVED, OURS, EVERY_REQUEST)


def main() -> None:
    """Measure the servers in turns, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="runs of each (%(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of each run (%(default)s)")
    options = parser.parse_args()
    with running(*SERVERS) as subjects:
        rounds = [measure(subjects, options.seconds) for _ in range(options.rounds)]
    print(
        f"On {os.cpu_count()} cores, {CONNECTIONS} connections; medians of {options.rounds} runs "
        f"of {options.seconds} s, taken in turns. Costs are medians of the ratios within a turn.\n"
    )
    print("| The page | Requests per second | Costs | CPU per request, µs | Costs | Failed |")
    print("|---|---|---|---|---|---|")
    for name in SERVERS:
        print(row(name, rounds))
    print(f"\nTarget: metrics and logs cost at most {MOST_PERCENT} % of the requests per second.")


def measure(subjects: dict[str, Subject], seconds: int) -> dict[str, Run]:
    """Measure each server once."""
    return {
        name: subjects[name].measure(Case(name, "always", CONNECTIONS), seconds) for name in SERVERS
    }


def row(name: str, rounds: list[dict[str, Run]]) -> str:
    """Return the row of the table for a server."""
    rate = statistics.median(each[name].requests_per_second for each in rounds)
    cpu = statistics.median(each[name].web_cpu_us for each in rounds)
    fewer = 1 - statistics.median(
        each[name].requests_per_second / each[UNOBSERVED].requests_per_second for each in rounds
    )
    more = statistics.median(each[name].web_cpu_us / each[UNOBSERVED].web_cpu_us for each in rounds)
    failed = sum(each[name].failed for each in rounds)
    return f"| {name} | {rate:.0f} | {fewer:.1%} | {cpu:.0f} | {more - 1:.1%} | {failed} |"


if __name__ == "__main__":
    main()
