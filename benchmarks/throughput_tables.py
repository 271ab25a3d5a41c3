"""Print the tables of benchmarks/throughput.py for docs/benchmarks.md."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.clone import report
from benchmarks.figures import Case, Run, Runs, p99_ms, rate, ratio
from benchmarks.outage import Seen
from benchmarks.web_servers import EMPTY, OURS, TUTORIAL


def print_speed_targets(runs: Runs, crowd: Case) -> None:
    """Print the rows of how fast the page must be, crowd being the case of most connections."""
    for connections, target in ((16, 3.3), (64, 4.5)):
        page, tutorial = (Case(name, "always", connections) for name in (OURS, TUTORIAL))
        what = f"`always`, {connections} connections"
        measured = [ratio(runs, page, tutorial, rate)]
        report(f"{what}: requests per second, × the tutorial's: at least", target, measured, 2)
        measured = [ratio(runs, page, tutorial, p99_ms)]
        report(f"{what}: p99, × the tutorial's: at most", 0.5, measured, 2)
    what = f"`always`, {crowd.connections} connections"
    report(f"{what}: failed requests", 0, [sum(run.failed for run in runs[crowd])], 0)
    measured = [ratio(runs, crowd, Case(TUTORIAL, "always", 256), p99_ms)]
    report(f"{what}: p99, × the tutorial's at 256: at most", 1, measured, 2)
    page, tutorial, empty = (Case(name, "everysec", 16) for name in (OURS, TUTORIAL, EMPTY))
    what = "`everysec`, 16 connections: requests per second, ×"
    report(f"{what} the tutorial's: at least", 2.4, [ratio(runs, page, tutorial, rate)], 2)
    report(f"{what} the empty view's: at least", 0.6, [ratio(runs, page, empty, rate)], 2)
    for case in (
        Case(OURS, each, number) for each in ("always", "everysec") for number in (16, 64)
    ):
        rates = [run.requests_per_second for run in runs[case]]
        what = f"`{case.appendfsync}`, {case.connections} connections"
        report(f"{what}: fastest run ÷ slowest: at most", 1.3, [max(rates) / min(rates)], 2)


def print_other_targets(megabytes: float, seen: Sequence[Seen]) -> None:
    """Print the rows of outages, restarts, memory and start."""
    for what, outages in (
        ("Redis killed", [each.killed for each in seen]),
        ("Redis hangs", [each.hanging for each in seen]),
    ):
        p99s = [each.errors.p99_ms / 1000 for each in outages]
        report(f"{what}: p99 of the error page, s: at most", 1, p99s, 2)
        recoveries = [each.recovery_seconds for each in outages]
        report(f"{what}: from its return to the last error, s: at most", 1, recoveries, 2)
    requests = sum(each.restart.requests for each in seen)
    failed = sum(each.restart.failed for each in seen)
    report(f"Rolling restart under load: failed of {requests:,} requests", 0, [failed], 0)
    report("Memory of a worker after all runs, MB: at most", 60, [megabytes], 0)
    report("From start to first answer, s: at most", 1, [each.start_seconds for each in seen], 2)


def print_runs(runs: Runs, servers: Sequence[str], connections: Sequence[int]) -> None:
    """Print requests per second, their spread, and p99, for each appendfsync."""
    for appendfsync in dict.fromkeys(case.appendfsync for case in runs):
        print(
            f"\nRequests per second with `appendfsync {appendfsync}` (slowest–fastest), and p99:\n"
        )
        print(f"| Connections | {' | '.join(servers)} |\n{'|---' * (len(servers) + 1)}|")
        for number in connections:
            cells = [_cell(runs[Case(name, appendfsync, number)]) for name in servers]
            print(f"| {number} | {' | '.join(cells)} |")


def print_costs(runs: Runs, megabytes: Mapping[str, float]) -> None:
    """Print the processor time of a request and the memory of a worker."""
    print("\nProcessor time of a request at 16 connections, and memory:\n")
    columns = ("", "Gunicorn, µs", "Redis, `always`, µs", "Redis, `everysec`, µs", "a worker, MB")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for name, each in megabytes.items():
        always, everysec = (runs[Case(name, fsync, 16)] for fsync in ("always", "everysec"))
        cpu = [
            _median(always, lambda run: run.web_cpu_us),
            _median(always, lambda run: run.redis_cpu_us),
            _median(everysec, lambda run: run.redis_cpu_us),
        ]
        print(f"| {name} | {' | '.join(f'{value:.0f}' for value in (*cpu, each))} |")


def _cell(each: Sequence[Run]) -> str:
    rates = [run.requests_per_second for run in each]
    failed = sum(run.failed for run in each)
    return (
        f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f}), "
        f"{_median(each, p99_ms):.1f} ms{f', {failed} failed' if failed else ''}"
    )


def _median(each: Sequence[Run], figure: Callable[[Run], float]) -> float:
    return statistics.median(map(figure, each))
