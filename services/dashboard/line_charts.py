"""Work out where the lines of a chart over time go; templates/charts.html draws them.

The path of a line is in thousandths of the width and height of the drawing, and everything else in
per cent, so that a browser can stretch it to any size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.dashboard.charts import Label, Line, axis, labels_below
from services.dashboard.measured import Series
from services.dashboard.numbers import NO_NUMBER, short

PROBLEMS = ("5xx", "failed", "discarded")
"""Series that are drawn in the colour of problems."""

_MILLIONTHS = 1_000_000
_SIZE = 1000
_MOST_AS_IT_IS = 999.5


@dataclass(frozen=True)
class Drawn:
    """A series as it is drawn."""

    name: str
    style: str
    """The class of its line."""
    path: str
    cells: tuple[str, ...]
    """Its values as text."""

    @property
    def last(self) -> str:
        """Return its last value as text; the last time has only begun, and may have none yet."""
        return next((cell for cell in self.cells[:-3:-1] if cell != NO_NUMBER), NO_NUMBER)


@dataclass(frozen=True)
class LineChart:
    """A chart of lines, and the same in words and numbers."""

    caption: str
    highest: str
    """The highest value as text, and when it was; "" if there is none."""
    times: tuple[str, ...]
    width: float
    """Of what belongs to a time, in per cent."""
    series: tuple[Drawn, ...]
    labels: tuple[Label, ...]
    lines: tuple[Line, ...]
    """From zero upwards."""


def line_chart(
    caption: str, unit: str, times: Sequence[str], series: Sequence[Series]
) -> LineChart:
    """Lay out series with a value for each of times; unit is "s" for seconds, or ""."""
    known = [
        (value, times[index])
        for each in series
        for index, value in enumerate(each.values)
        if value is not None
    ]
    most, when = max(known, default=(0, ""))
    values = [value / _MILLIONTHS for value in axis(round(most * _MILLIONTHS))] if most else [0, 1]
    top = values[-1]
    return LineChart(
        caption,
        f"{readable(most, unit)} at {when}" if most else "",
        tuple(times),
        round(100 / len(times), 3),
        tuple(
            Drawn(
                each.name,
                "problem" if each.name in PROBLEMS else f"line-{number}",
                _path(each.values, top),
                tuple(readable(value, unit) for value in each.values),
            )
            for number, each in enumerate(series)
        ),
        labels_below(times),
        tuple(Line(readable(value, unit), round(100 - 100 * value / top, 3)) for value in values),
    )


def readable(value: float | None, unit: str = "") -> str:
    """Return a value with at most 3 significant digits: 0.00025, 12.5, 1.2k, 25 ms, 1.5 s."""
    if value is None:
        return NO_NUMBER
    if unit == "s":
        return f"{_digits(1000 * value)} ms" if 0 < value < 1 else f"{_digits(value)} s"
    return _digits(value)


def _digits(value: float) -> str:
    """Return a value without an exponent, which few can read."""
    return f"{Decimal(f'{value:.3g}'):f}" if value < _MOST_AS_IT_IS else short(int(value))


def _path(values: Sequence[float | None], top: float) -> str:
    """Return the path of a line, which has a gap where there is no value."""
    parts, drawing = [], False
    for index, value in enumerate(values):
        if value is not None:
            place = f"{_SIZE * (index + 0.5) / len(values):.1f} {_SIZE * (1 - value / top):.1f}"
            # A line to where it begins makes a point of a value that is alone.
            parts.append(f"L{place}" if drawing else f"M{place}L{place}")
        drawing = value is not None
    return "".join(parts)
