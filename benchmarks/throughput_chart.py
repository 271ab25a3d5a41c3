"""Draw how many requests per second each web server answers, for docs/throughput.svg."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.comparison import BARE_SCRIPT
from benchmarks.drawing import area, curve, grid_line, image, words
from benchmarks.figures import Case, Runs
from benchmarks.web_servers import EMPTY, OURS, TUTORIAL, TUTORIAL_2

_COLORS = {
    BARE_SCRIPT: "#7d3c98",
    EMPTY: "#7f8c8d",
    OURS: "#1e8449",
    TUTORIAL_2: "#d68910",
    TUTORIAL: "#c0392b",
}
_LEFT, _TOP, _PANEL, _HEIGHT, _GAP, _BOTTOM = 64, 84, 320, 300, 30, 44
_RATES = (100, 1000, 10_000, 100_000)  # per second; the first and the last are the ends of the axis


def chart(runs: Runs, panels: Sequence[str], connections: Sequence[int]) -> str:
    """Return an image with a panel for each appendfsync.

    Curves show the medians, and areas all runs, by the number of connections.
    """
    parts = [
        words((_LEFT + 170 * (row % 3), 20 + 20 * (row // 3)), name, color=color)
        for row, (name, color) in enumerate(_COLORS.items())
    ]
    parts += [words((_LEFT - 6, _height(rate) + 4), f"{rate:,}", "end") for rate in _RATES]
    for number, appendfsync in enumerate(panels):
        left = _LEFT + number * (_PANEL + _GAP)
        across = [
            left + _PANEL * (step + 0.5) / len(connections) for step in range(len(connections))
        ]
        parts += _axes(left, appendfsync, dict(zip(across, connections)))
        for name, color in _COLORS.items():
            rates = [
                [run.requests_per_second for run in runs[Case(name, appendfsync, each)]]
                for each in connections
            ]
            parts += _rates(across, rates, color)
    width = _LEFT + len(panels) * (_PANEL + _GAP)
    return image(width, _TOP + _HEIGHT + _BOTTOM, parts)


def _axes(left: float, appendfsync: str, connections: Mapping[float, int]) -> Iterator[str]:
    middle, bottom = left + _PANEL / 2, _TOP + _HEIGHT
    yield words((middle, _TOP - 12), f"requests per second, appendfsync {appendfsync}", "middle")
    for rate in _RATES:
        yield grid_line(_height(rate), left, left + _PANEL)
    for x, number in connections.items():
        yield words((x, bottom + 18), str(number), "middle")
    yield words((middle, bottom + 36), "connections", "middle")


def _rates(across: Sequence[float], rates: Sequence[Sequence[float]], color: str) -> Iterator[str]:
    lowest = [(x, _height(min(each))) for x, each in zip(across, rates)]
    highest = [(x, _height(max(each))) for x, each in zip(across, rates)]
    yield area([*lowest, *reversed(highest)], color)
    yield curve([(x, _height(statistics.median(each))) for x, each in zip(across, rates)], color)


def _height(rate: float) -> float:
    """Return the vertical coordinate of a number of requests per second."""
    share = math.log(max(rate, _RATES[0]) / _RATES[0]) / math.log(_RATES[-1] / _RATES[0])
    return _TOP + _HEIGHT * (1 - share)
