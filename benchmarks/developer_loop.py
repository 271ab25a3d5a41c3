"""Measure how long a developer waits for tests, checks and the first page.

    python3 -m benchmarks.developer_loop

Prints a table for docs/benchmarks.md. Needs only Python, Git and the package index; takes some
minutes.
"""

import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.clone import edited, fresh_clone, print_heading, report, run, start

PORT = 8765
REPEATS = 3


def main() -> None:
    """Measure, print each figure beside its target, and clean up."""
    with fresh_clone() as clone:
        print_heading(f"Seconds; but for the first line, the median of {REPEATS}.")
        report("Fresh clone, empty cache, to a green `./pants test ::`", 120, [test_all(clone)])
        report("`./pants test ::`, nothing changed", 3, [test_all(clone) for _ in range(REPEATS)])
        test_edit(clone)  # builds the tools
        report(
            "`lint check test` of what a one-line edit in `services/web` affects",
            8,
            [test_edit(clone) for _ in range(REPEATS)],
        )
        first_page(clone)  # builds the environment
        report(
            "`./pants run services/web:serve`, warm, to the first page",
            5,
            [first_page(clone) for _ in range(REPEATS)],
        )
        alone = [test_app(clone) for _ in range(REPEATS)]
        with running_tracker(clone):
            beside = [test_app(clone) for _ in range(REPEATS)]
        report("`./pants test services/web/app_test.py` after an edit, alone", 8, alone)
        limit = statistics.median(alone) + 3
        report("the same while `./pants run services/web:serve` runs", round(limit, 1), beside)


def test_all(clone: Path) -> float:
    """Run the README's test command; return the seconds."""
    return run(clone, "./pants", "test", "::")


def test_edit(clone: Path) -> float:
    """Edit one line and check what it affects; return the seconds."""
    with edited(clone):
        return run(clone, "./pants", "edited", "lint", "check", "test")


def test_app(clone: Path) -> float:
    """Edit one line and run one test file; return the seconds."""
    with edited(clone):
        return run(clone, "./pants", "test", "services/web/app_test.py")


def first_page(clone: Path) -> float:
    """Start the tracker; return the seconds until it answers."""
    begin = time.monotonic()
    with running_tracker(clone):
        return time.monotonic() - begin


@contextmanager
def running_tracker(clone: Path) -> Iterator[None]:
    """Run the tracker until the context ends; enter the context at its first answer."""
    begin = time.monotonic()
    tracker = start(clone, "./pants", "run", "services/web:serve", "--", f"--port={PORT}")
    try:
        while not answers():
            if tracker.poll() is not None or time.monotonic() > begin + 60:
                raise SystemExit("the tracker does not answer")
            time.sleep(0.02)
        yield
    finally:
        tracker.send_signal(signal.SIGINT)
        tracker.wait()


def answers() -> bool:
    """Return whether the page can be viewed."""
    connection = HTTPConnection("127.0.0.1", PORT)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
