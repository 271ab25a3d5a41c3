"""A fresh clone with a home of its own, in which benchmarks wait as a newcomer would."""

import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

_EDITED_FILE = "services/web/app.py"
_EDITED_LINE = "    app = Flask(__name__)"
_numbers = itertools.count()


@contextmanager
def fresh_clone() -> Iterator[Path]:
    """Clone the last commit into an empty directory; at the end nothing of it is left."""
    with tempfile.TemporaryDirectory() as directory:
        clone = Path(directory) / "clone"
        (Path(directory) / "home").mkdir()
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
        try:
            yield clone
        finally:
            for pid_file in clone.glob(".pids/*/pantsd/pid"):
                os.kill(int(pid_file.read_text()), signal.SIGTERM)


def start(clone: Path, *command: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a command in the clone, with the home beside it; what it prints goes to stderr."""
    environment |= {"HOME": str(clone.with_name("home")), "PATH": os.environ["PATH"]}
    return subprocess.Popen(
        command, cwd=clone, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr
    )


def run(clone: Path, *command: str, **environment: str) -> float:
    """The seconds that a command takes, which must succeed."""
    begin = time.monotonic()
    if start(clone, *command, **environment).wait():
        raise SystemExit(f"{' '.join(command)} is red")
    return time.monotonic() - begin


@contextmanager
def edited(clone: Path) -> Iterator[None]:
    """Edit one line of the web service, each time another way, until the context ends."""
    file = clone / _EDITED_FILE
    text = file.read_text(encoding="utf-8")
    edit = text.replace(_EDITED_LINE, f"{_EDITED_LINE}  # edit {next(_numbers)}")
    if edit == text:
        raise SystemExit(f"{_EDITED_FILE} has no line {_EDITED_LINE!r}")
    file.write_text(edit, encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")


def print_heading(what: str, columns: Sequence[str] = ("What", "Target", "Measured")) -> None:
    """Print what the figures are, and begin their table if it has columns."""
    print(f"On {os.cpu_count()} cores. {what}\n")
    if columns:
        print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")


def report(what: str, target: float, measured: list[float]) -> None:
    """Print one row of the table: the median."""
    print(f"| {what} | {target} | {statistics.median(measured):.1f} |", flush=True)
