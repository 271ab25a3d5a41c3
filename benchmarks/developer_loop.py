"""How long a developer waits: from a fresh clone to green, after an edit, for the first page.

    python3 -m benchmarks.developer_loop

Prints a table for docs/benchmarks.md. Needs nothing but Python and the package index; takes some
minutes.
"""

import signal
import time
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.clone import edited, fresh_clone, print_heading, report, run, start

PORT = 8765
REPEATS = 3


def main() -> None:
    """Measure, print each figure beside its target, and leave nothing behind."""
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


def test_all(clone: Path) -> float:
    """The README's test command."""
    return run(clone, "./pants", "test", "::")


def test_edit(clone: Path) -> float:
    """Edit one line, and check what that affects."""
    with edited(clone):
        lint = run(clone, "./pants", "edited", "lint")
        return lint + run(clone, "./pants", "affected", "check", "test")


def first_page(clone: Path) -> float:
    """Start the tracker, and ask for its page until it answers."""
    begin = time.monotonic()
    tracker = start(clone, "./pants", "run", "services/web:serve", "--", f"--port={PORT}")
    try:
        while tracker.poll() is None and time.monotonic() < begin + 60:
            connection = HTTPConnection("127.0.0.1", PORT)
            try:
                connection.request("GET", "/")
                if connection.getresponse().status == 200:
                    return time.monotonic() - begin
            except ConnectionRefusedError:
                time.sleep(0.02)  # not listening yet
            finally:
                connection.close()
        raise SystemExit("the tracker does not answer")
    finally:
        tracker.send_signal(signal.SIGINT)
        tracker.wait()


if __name__ == "__main__":
    main()
