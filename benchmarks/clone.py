"""Provide a fresh clone with an empty home directory for benchmarks."""

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from build_support.testing import REPOSITORY, daemons_stopped_at_the_end

EDITED_FILE = "services/web/app.py"

_numbers = itertools.count()


@contextmanager
def fresh_clone() -> Iterator[Path]:
    """Clone the last commit into an empty directory; remove it when the context ends."""
    with tempfile.TemporaryDirectory() as directory:
        clone = Path(directory) / "clone"
        (Path(directory) / "home").mkdir()
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
        with daemons_stopped_at_the_end(clone):
            yield clone


def start(root: Path, *command: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a command in root; send its output to standard error.

    In a fresh clone it inherits only PATH from the user's environment.
    """
    home = root.with_name("home")
    inherited = {"HOME": str(home), "PATH": os.environ["PATH"]} if home.is_dir() else os.environ
    return subprocess.Popen(
        command,
        cwd=root,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )


def run(root: Path, *command: str, **environment: str) -> float:
    """Run a command in root; return the seconds it takes, or exit if it fails."""
    begin = time.monotonic()
    if start(root, *command, **environment).wait():
        raise SystemExit(f"{' '.join(command)} failed")
    return time.monotonic() - begin


@contextmanager
def edited(root: Path, path: str = EDITED_FILE) -> Iterator[None]:
    """Add a different line to a file each time, until the context ends."""
    file = root / path
    text = file.read_text(encoding="utf-8")
    comment = f"\n\n# edit {next(_numbers)}\n"  # formatted as black formats it
    file.write_text(text + comment, encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")


def print_heading(what: str, columns: Sequence[str] = ("What", "Target", "Measured")) -> None:
    """Print a description of the figures; begin a table if there are columns."""
    print(f"On {os.cpu_count()} cores. {what}\n")
    if columns:
        print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")


def report(what: str, target: float, measured: list[float], digits: int = 1) -> None:
    """Print one row of the table, with the median of the measurements."""
    print(f"| {what} | {target:g} | {statistics.median(measured):.{digits}f} |", flush=True)
