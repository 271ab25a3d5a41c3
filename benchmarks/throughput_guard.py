"""Fail if the page has become slower, for .ci/run.

    ./pants run benchmarks/throughput_guard.py
    ./pants run benchmarks/throughput_guard.py -- --runs 20
    ./pants run benchmarks/throughput_guard.py -- --runs 5 --slower 30

Measures the page and an empty view in turns, because their ratio depends little on the machine. The
ratio must not be clearly below the published one, that of docs/throughput.json. --slower makes each
view take that many percent longer, to show that the guard notices. Exit status: 0 if every run
passes.
"""

import argparse
import enum
import os
import signal
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.comparison import running
from benchmarks.figures import PUBLISHED, Case, rate, ratio, read
from benchmarks.web_servers import EMPTY, OURS, WORKERS

PAGE, REFERENCE = (Case(name, "everysec", 16) for name in (OURS, EMPTY))

ENOUGH = 0.82
"""The share of the published ratio that passes. If each view takes 30 % longer, 0.77 is left."""

BUSY = 0.2
"""A round is quiet unless other processes used more than this share of the processors."""

FEWEST_ROUNDS, MOST_ROUNDS = 5, 15


class Judgement(enum.Enum):
    """What the rounds so far show."""

    MORE = "more rounds are needed"
    FAST_ENOUGH = "fast enough"
    TOO_SLOW = "TOO SLOW"
    TOO_BUSY = "not judged, since other processes kept the machine busy"


@dataclass(frozen=True)
class Round:
    """One measurement: page ÷ reference, and the share of the processors that others used."""

    ratio: float
    used_elsewhere: float

    def is_quiet(self) -> bool:
        """Return whether the ratio can be trusted."""
        return self.used_elsewhere <= BUSY


def main() -> int:
    """Run the guard; return the exit status."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1, help="how many times (%(default)s)")
    parser.add_argument("--slower", type=int, default=0, metavar="PERCENT", help="than it is")
    options = parser.parse_args()
    lowest = ENOUGH * ratio(read(PUBLISHED), PAGE, REFERENCE, rate)
    gunicorn_options = slow_down(options.slower) if options.slower else ()
    passed = [guard(lowest, gunicorn_options) for _ in range(options.runs)]
    if len(passed) > 1:
        print(f"{sum(passed)} of {len(passed)} runs passed")
    return 0 if all(passed) else 1


def guard(lowest: float, gunicorn_options: Sequence[str] = ()) -> bool:
    """Measure in turns until there is a judgement; print and return it.

    A machine that is too busy to judge passes.
    """
    rounds: list[Round] = []
    with running(OURS, EMPTY, options=gunicorn_options) as subjects:
        for case in (PAGE, REFERENCE):
            subjects[case.server].measure(case, 1)  # warms up
        while (judgement := judge(rounds, lowest)) is Judgement.MORE:
            page, reference = (subjects[case.server].measure(case, 1) for case in (PAGE, REFERENCE))
            rounds.append(
                Round(
                    rate(page) / rate(reference),
                    max(page.used_elsewhere, reference.used_elsewhere),
                )
            )
    quiet = [each.ratio for each in rounds if each.is_quiet()]
    measured = f"{statistics.median(quiet):.3f}" if quiet else "an unknown share"
    print(
        f"{judgement.value}: the page answers {measured} of the requests that an empty view "
        f"answers; {lowest:.3f} is enough ({len(quiet)} of {len(rounds)} rounds were quiet)",
        flush=True,
    )
    return judgement is not Judgement.TOO_SLOW


def judge(rounds: Sequence[Round], lowest: float) -> Judgement:
    """Judge the median ratio of the quiet rounds; want more of them only if it is too low."""
    ratios = [each.ratio for each in rounds if each.is_quiet()]
    if len(ratios) >= FEWEST_ROUNDS and statistics.median(ratios) >= lowest:
        return Judgement.FAST_ENOUGH
    if len(ratios) >= MOST_ROUNDS:
        return Judgement.TOO_SLOW
    if len(rounds) - len(ratios) >= MOST_ROUNDS:
        return Judgement.TOO_BUSY
    return Judgement.MORE


def slow_down(percent: int) -> Sequence[str]:
    """Return options for Gunicorn that make each view take that many percent longer."""
    with running(OURS) as subjects:
        runs = [subjects[OURS].measure(PAGE, 1) for _ in range(FEWEST_ROUNDS)]
    view_us = statistics.median(
        1e6 * WORKERS[OURS] * (1 - run.used_elsewhere) / rate(run) for run in runs
    )
    os.environ["BUSY_US"] = str(round(view_us * percent / 100))
    return ("--config=python:benchmarks.slower_config",)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up
    sys.exit(main())
