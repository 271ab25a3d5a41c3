"""Measure how the cost of checking a change grows with the number of services.

    python3 -m benchmarks.ci_growth

Generates repositories with 3 to 300 services. In each, measures how long it takes to decide what a
change affects, to test that, and to test everything. Prints tables for docs/benchmarks.md and draws
docs/ci_growth.svg. Takes about half an hour.
"""

import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.clone import edited, print_heading, run
from benchmarks.drawing import curve, grid_line, image, words
from build_support.testing import REPOSITORY, daemons_stopped_at_the_end, generate, plan_of

SIZES = (3, 10, 30, 100, 300)
REPEATS = 3

EDITS = {
    "a service": "services/s1/app.py",
    "a library that all share": "libs/common/value.py",
    "documentation": "docs/guide.md",
}
LEAF, LIBRARY, DOCS = EDITS

# The columns to draw and their colors.
DRAWN = {
    "test everything, every time": "#c0392b",
    f"decide and test: {LIBRARY}": "#d68910",
    f"decide and test: {LEAF}": "#1f618d",
    f"decide and test: {DOCS}": "#1e8449",
}
WIDTH, HEIGHT, LEFT = 640, 360, 60
LOWEST_SECONDS = 0.1

Seconds = dict[str, float]


def main() -> None:
    """Measure all sizes, print the tables and draw the curves."""
    print_heading(f"Seconds, the median of {REPEATS}; what runs everything, once.", [])
    measured = {size: measure(size) for size in SIZES}
    columns = list(measured[SIZES[0]])
    print("| Services | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for size, seconds in measured.items():
        print(f"| {size} | " + " | ".join(f"{seconds[column]:.1f}" for column in columns) + " |")
    exponents = [exponent({size: measured[size][column] for size in SIZES}) for column in columns]
    print("| grows as n to the | " + " | ".join(f"{value:.2f}" for value in exponents) + " |")
    decided = [measured[size][f"decide: {LEAF}"] for size in (10, 300)]
    print(f"\nTo decide, 300 services take {decided[1] / decided[0]:.1f} times as long as 10 (3).")
    (REPOSITORY / "docs/ci_growth.svg").write_text(drawing(measured), encoding="utf-8")


def measure(size: int) -> Seconds:
    """Return the measurements in a repository of that size."""
    with generated(size) as root:
        run(root, "./pants", "test", "::")
        seconds: Seconds = {}
        for name, path in EDITS.items():
            decides, checks = [], []
            for _ in range(1 if name == LIBRARY else REPEATS):
                with edited(root, path):
                    plan, decide = timed_plan(root)
                    decides.append(decide)
                    checks.append(test(root, plan["test"]))
            seconds[f"decide: {name}"] = statistics.median(decides)
            seconds[f"decide and test: {name}"] = statistics.median(map(sum, zip(decides, checks)))
        with edited(root, EDITS[LEAF]):
            os.environ["PANTS_PANTSD"] = "false"
            _, seconds["decide without the daemon"] = timed_plan(root)
            del os.environ["PANTS_PANTSD"]
        print_skipped(root, size)
        seconds["test everything, every time"] = run(root, "./pants", "test", "--force", "::")
        return seconds


def print_skipped(root: Path, size: int) -> None:
    """Print the share of tests and images that each kind of edit skips."""
    everything, _ = timed_plan(root, base="")
    for name, path in EDITS.items():
        with edited(root, path):
            plan, _ = timed_plan(root)
        skipped = {
            goal: 100 * (1 - len(plan[goal]) / len(everything[goal]))
            for goal in ("test", "package")
        }
        print(
            f"{size} services, {name}: {skipped['test']:.0f} % of the tests and "
            f"{skipped['package']:.0f} % of the images are skipped.\n",
            flush=True,
        )


@contextmanager
def generated(size: int) -> Iterator[Path]:
    """Generate a repository and remove it when the context ends."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "generated"
        generate(root, size)
        with daemons_stopped_at_the_end(root):
            yield root


def timed_plan(root: Path, base: str = "HEAD") -> tuple[dict[str, list[str]], float]:
    """Return the plan of affected.py and the seconds it takes."""
    begin = time.monotonic()
    return plan_of(root, base), time.monotonic() - begin


def test(root: Path, addresses: list[str]) -> float:
    """Run tests, if there are any; return the seconds they take."""
    return run(root, "./pants", "test", *addresses) if addresses else 0


def exponent(seconds: dict[int, float]) -> float:
    """Return the b for which a·n^b fits best, by least squares on the logarithms."""
    points = [(math.log(size), math.log(value)) for size, value in seconds.items()]
    mean_x, mean_y = (statistics.fmean(values) for values in zip(*points))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return slope / sum((x - mean_x) ** 2 for x, _ in points)


def drawing(measured: dict[int, Seconds]) -> str:
    """Return the curves as an SVG image with logarithmic axes."""
    parts = [words((WIDTH / 2, HEIGHT - 6), "services", "middle")]
    for seconds in (0.1, 1, 10, 100, 1000):
        (left, y), (right, _) = place(SIZES[0], seconds), place(SIZES[-1], seconds)
        parts += [grid_line(y, left, right), words((8, y + 4), f"{seconds:g} s")]
    for size in SIZES:
        x, y = place(size, LOWEST_SECONDS)
        parts.append(words((x, y + 18), str(size), "middle"))
    for row, (column, color) in enumerate(DRAWN.items()):
        parts.append(curve([place(size, measured[size][column]) for size in SIZES], color))
        parts.append(words((LEFT + 10, 32 + 16 * row), column, color=color))
    return image(WIDTH, HEIGHT, parts)


def place(size: float, seconds: float) -> tuple[float, float]:
    """Return the coordinates of a point in the drawing."""
    across = math.log(size / SIZES[0]) / math.log(SIZES[-1] / SIZES[0])
    up = math.log(max(seconds, LOWEST_SECONDS) / LOWEST_SECONDS) / math.log(1000 / LOWEST_SECONDS)
    return LEFT + across * (WIDTH - LEFT - 20), HEIGHT - 40 - up * (HEIGHT - 60)


if __name__ == "__main__":
    main()
