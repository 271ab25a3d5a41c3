"""Work out where the bars, lines and labels of a chart go; templates/charts.html draws them.

Places and lengths are per cent of the width or height of the drawing, so that a browser can stretch
it to any size and distort no text, line or pattern.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from services.dashboard.numbers import exact, scaled

MOST_BARS = 400

SMALLEST = 1.25
"""The least height of a bar for something, in per cent: 2 pixels of the 160 on a phone."""

_MOST_STEPS = 5
_MOST_LABELS = 8
_LAST_MIDDLE = 92
"""Up to where a label may be in the middle below its bar, in per cent; it would stick out then. On
the left there is room below the values of the axis."""

_SPARK_STEP = 5
_SPARK_HEIGHT = 28
_SPARK_SMALLEST = 2


@dataclass(frozen=True)
class Bar:  # pylint: disable=too-many-instance-attributes  # all are about one bar
    """What is drawn for an hour, a day or a month."""

    label: str
    """Such as "3 May"."""
    short: str
    """The label below the axis, at most some 7 characters."""
    views: int
    visitors: int | None = None
    """None where they are not known."""
    before: int | None = None
    """The views at the same place in the time before; None if it is not compared."""
    so_far: bool = False
    """Whether this time is not over."""
    future: bool = False
    """Whether it has not begun: nothing is drawn or listed."""
    href: str = ""
    """Where a click leads, such as to the hours of this day; nowhere if empty."""

    @property
    def title(self) -> str:
        """Return what a pointer is shown, such as "3 May: 1,204 views, 410 visitors"."""
        parts = [_counted(self.views, "view")]
        if self.visitors is not None:
            parts.append(_counted(self.visitors, "visitor"))
        if self.before is not None:
            parts.append(f"{_counted(self.before, 'view')} before")
        return f"{self.label}{' so far' if self.so_far else ''}: {', '.join(parts)}"


@dataclass(frozen=True)
class Column:
    """Where a bar is, and how high it and those at its place are; 0 where there is nothing."""

    bar: Bar
    left: float
    views: float
    visitors: float
    before: float


@dataclass(frozen=True)
class Label:
    """A label below the axis."""

    text: str
    left: float
    anchor: str
    """Which part of the text is there: "middle" or "end"."""
    spare: bool
    """Whether it is left out on a phone."""


@dataclass(frozen=True)
class Line:
    """A line across the chart."""

    text: str
    top: float


@dataclass(frozen=True)
class Chart:
    """A bar chart, and the same in words and numbers."""

    caption: str
    width: float
    """Of a column."""
    columns: tuple[Column, ...]
    labels: tuple[Label, ...]
    lines: tuple[Line, ...]
    """From zero upwards."""

    @property
    def with_visitors(self) -> bool:
        """Return whether visitors are known of any column."""
        return any(column.bar.visitors is not None for column in self.columns)

    @property
    def compared(self) -> bool:
        """Return whether any column has views before."""
        return any(column.bar.before is not None for column in self.columns)


@dataclass(frozen=True)
class Sparkline:
    """A small bar chart of days, with a scale of its own; the last day is not over."""

    label: str
    width: int
    height: int
    past: str
    """The path of all bars but the last, in pixels."""
    today: str
    """The path of the last one."""


def bar_chart(bars: Sequence[Bar], when: str = "on") -> Chart:
    """Lay out 1 to MOST_BARS bars. `when` goes before the label of a bar, such as "in" May 2026."""
    if not 1 <= len(bars) <= MOST_BARS:
        raise ValueError(f"a chart has 1 to {MOST_BARS} bars, not {len(bars)}")
    begun = [bar for bar in bars if not bar.future]
    values = axis(max((max(_heights(bar)) for bar in begun), default=0))
    width, top = 100 / len(bars), values[-1]
    return Chart(
        _caption(begun, when),
        _rounded(width),
        tuple(
            Column(bar, _rounded(index * width), *(_height(value, top) for value in _heights(bar)))
            for index, bar in enumerate(bars)
            if not bar.future
        ),
        tuple(_labels(bars)),
        tuple(Line(scaled(value), _rounded(100 - 100 * value / top)) for value in values),
    )


def axis(most: int) -> tuple[int, ...]:
    """Return the values of an axis from 0 to at least `most`, in at most 5 whole steps.

    A step is 1, 2, 2.5 or 5 times a power of ten.
    """
    tenfold = (base * 10**power for power in count() for base in (10, 20, 25, 50))
    steps = (step // 10 for step in tenfold if step % 10 == 0)
    step = next(step for step in steps if step * _MOST_STEPS >= most)
    return tuple(range(0, max(most, 1) + step, step))


def sparkline(views: Sequence[int]) -> Sparkline:
    """Draw the views of days, the last one being today."""
    most = max(views, default=0)
    bars = [
        (
            f"M{index * _SPARK_STEP} {_SPARK_HEIGHT}v-{height}h{_SPARK_STEP - 1}v{height}z"
            if (height := _spark_height(value, most))
            else ""
        )
        for index, value in enumerate(views)
    ]
    label = f"{len(views)} days, at most {_counted(most, 'view')} on one"
    width = len(views) * _SPARK_STEP - 1
    return Sparkline(label, width, _SPARK_HEIGHT, "".join(bars[:-1]), "".join(bars[-1:]))


def _caption(bars: Sequence[Bar], when: str) -> str:
    total = sum(bar.views for bar in bars)
    if not total:
        return "No views"
    return f"{_counted(total, 'view')}, most {when} {max(bars, key=lambda bar: bar.views).label}"


def _labels(bars: Sequence[Bar]) -> Iterator[Label]:
    every = -(-len(bars) // _MOST_LABELS)
    width = 100 / len(bars)
    for place, index in enumerate(range(0, len(bars), every)):
        left, anchor = (index + 0.5) * width, "middle"
        if left > _LAST_MIDDLE:
            left, anchor = (index + 1) * width, "end"
        yield Label(bars[index].short, _rounded(left), anchor, place % 2 == 1)


def _heights(bar: Bar) -> tuple[int, int, int]:
    return bar.views, bar.visitors or 0, bar.before or 0


def _height(value: int, top: int) -> float:
    return _rounded(max(100 * value / top, SMALLEST)) if value else 0


def _spark_height(value: int, most: int) -> int:
    return max(_SPARK_HEIGHT * value // most, _SPARK_SMALLEST) if value else 0


def _counted(number: int, noun: str) -> str:
    return f"{exact(number)} {noun}{'' if number == 1 else 's'}"


def _rounded(per_cent: float) -> float:
    return round(per_cent, 3)
