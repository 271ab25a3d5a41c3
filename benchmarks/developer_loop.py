"""How long a developer waits: from a fresh clone to green, after an edit, for the first page.

    python3 benchmarks/developer_loop.py

Clones the last commit into an empty directory, with an empty home and cache, and prints a table
for docs/benchmarks.md. Needs nothing but Python and the package index; takes some minutes.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PORT = 8765
REPEATS = 3
EDITED_LINE = "    app = Flask(__name__)"


def main() -> None:
    """Measure, print each figure beside its target, and leave nothing behind."""
    with tempfile.TemporaryDirectory() as directory:
        clone = Path(directory) / "clone"
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
        print(
            f"On {os.cpu_count()} cores; seconds; but for the first line, the median of {REPEATS}."
        )
        print("\n| What | Target | Measured |\n|---|---|---|")
        try:
            report("Fresh clone, empty cache, to a green `./pants test ::`", 120, [test_all(clone)])
            report(
                "`./pants test ::`, nothing changed", 3, [test_all(clone) for _ in range(REPEATS)]
            )
            test_edit(clone, REPEATS)  # builds the tools
            report(
                "`lint check test` of what a one-line edit in `services/web` affects",
                8,
                [test_edit(clone, number) for number in range(REPEATS)],
            )
            first_page(clone)  # builds the environment
            report(
                "`./pants run services/web:serve`, warm, to the first page",
                5,
                [first_page(clone) for _ in range(REPEATS)],
            )
        finally:
            for pid_file in clone.glob(".pids/*/pantsd/pid"):
                os.kill(int(pid_file.read_text()), signal.SIGTERM)


def report(what: str, target: float, seconds: list[float]) -> None:
    """Print one row of the table."""
    print(f"| {what} | {target} | {statistics.median(seconds):.1f} |", flush=True)


def start(clone: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ./pants in the clone, with a home beside it."""
    home = clone.with_name("home")
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.Popen(["./pants", *arguments], cwd=clone, env=environment, stdout=sys.stderr)


def run(clone: Path, *arguments: str) -> float:
    """The seconds that ./pants takes to be green."""
    begin = time.monotonic()
    if start(clone, *arguments).wait():
        raise SystemExit(f"./pants {' '.join(arguments)} is red")
    return time.monotonic() - begin


def test_all(clone: Path) -> float:
    """The README's test command."""
    return run(clone, "test", "::")


def test_edit(clone: Path, number: int) -> float:
    """Edit one line, and check what that affects."""
    app = clone / "services/web/app.py"
    text = app.read_text()
    app.write_text(text.replace(EDITED_LINE, f"{EDITED_LINE}  # edit {number}"))
    try:
        return run(clone, "edited", "lint") + run(clone, "affected", "check", "test")
    finally:
        app.write_text(text)


def first_page(clone: Path) -> float:
    """Start the tracker, and ask for its page until it answers."""
    begin = time.monotonic()
    tracker = start(clone, "run", "services/web:serve", "--", f"--port={PORT}")
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
