"""Work out where the bars, lines and labels of a chart go; templates/charts.html draws them.

Places and lengths are per cent of the width or height of the drawing, so that a browser can stretch
it to any size and distort no text, line or pattern. Bars whose time is over are drawn by a few
paths: an element for each would need five times the bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from services.dashboard.numbers import exact, scaled

MOST_BARS = 400

COLUMN, HEIGHT = 100, 1_000
"""The width of a column and the height of a chart in paths."""

SMALLEST = 13
"""The least height of a bar for something, in HEIGHT: 2 pixels of the 160 on a phone."""

_MOST_STEPS = 5
_MOST_LABELS = 8
_LAST_MIDDLE = 92
"""Up to where a label may be in the middle below its bar, in per cent; it would stick out then. On
the left there is room below the values of the axis."""

_WIDE = {"before": (4, 92), "views": (14, 72), "visitors": (30, 40)}
_NARROW = {"before": (4, 92), "views": (0, 100), "visitors": (15, 70)}
"""Where each kind of bar is in its column, and how wide, in COLUMN: those behind come first. Where
bars are narrow, they need the room between them."""

_MOST_WIDE = 100
"""Up to how many bars are wide."""


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
        parts = [counted(self.views, "view")]
        if self.visitors is not None:
            parts.append(counted(self.visitors, "visitor"))
        if self.before is not None:
            parts.append(f"{counted(self.before, 'view')} before")
        return f"{self.label}{' so far' if self.so_far else ''}: {', '.join(parts)}"


@dataclass(frozen=True)
class Rectangle:
    """A bar that is drawn by itself, since its time is not over; places are per cent."""

    kind: str
    left: float
    width: float
    height: float


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
    bars: tuple[Bar, ...]
    """Those that have begun."""
    width: int
    """Of the whole drawing, in which each bar has a COLUMN."""
    paths: dict[str, str]
    """What is drawn of each kind of bar, those behind first; from zero upwards."""
    current: tuple[Rectangle, ...]
    """What is drawn beside the paths."""
    labels: tuple[Label, ...]
    lines: tuple[Line, ...]
    """From zero upwards."""

    @property
    def with_visitors(self) -> bool:
        """Return whether visitors are known of any bar."""
        return any(bar.visitors is not None for bar in self.bars)

    @property
    def compared(self) -> bool:
        """Return whether any bar has views before."""
        return any(bar.before is not None for bar in self.bars)


def bar_chart(bars: Sequence[Bar], when: str = "on") -> Chart:
    """Lay out 1 to MOST_BARS bars. `when` goes before the label of a bar, such as "in" May 2026."""
    if not 1 <= len(bars) <= MOST_BARS:
        raise ValueError(f"a chart has 1 to {MOST_BARS} bars, not {len(bars)}")
    begun = [bar for bar in bars if not bar.future]
    values = axis(max((max(_counts(bar).values()) for bar in begun), default=0))
    top = values[-1]
    shapes = _WIDE if len(bars) <= _MOST_WIDE else _NARROW
    # Only the last bar that has begun may not be over.
    past = [bar for bar in begun if not bar.so_far]
    paths = {kind: _path(kind, past, top, *shape) for kind, shape in shapes.items()}
    return Chart(
        _caption(begun, when),
        tuple(begun),
        COLUMN * len(bars),
        {kind: path for kind, path in paths.items() if path},
        tuple(
            Rectangle(
                kind,
                _rounded((100 * index + left) / len(bars)),
                _rounded(width / len(bars)),
                height / 10,
            )
            for index, bar in enumerate(begun)
            if bar.so_far
            for kind, (left, width) in shapes.items()
            if (height := _height(_counts(bar)[kind], top))
        ),
        labels_below([bar.short for bar in bars]),
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


def labels_below(texts: Sequence[str]) -> tuple[Label, ...]:
    """Return as many labels as fit below the axis; texts are those of all places along it."""
    every = -(-len(texts) // _MOST_LABELS)
    width = 100 / len(texts)
    labels = []
    for place, index in enumerate(range(0, len(texts), every)):
        left, anchor = (index + 0.5) * width, "middle"
        if left > _LAST_MIDDLE:
            left, anchor = (index + 1) * width, "end"
        labels.append(Label(texts[index], _rounded(left), anchor, place % 2 == 1))
    return tuple(labels)


def _caption(bars: Sequence[Bar], when: str) -> str:
    total = sum(bar.views for bar in bars)
    if not total:
        return "No views"
    return f"{counted(total, 'view')}, most {when} {max(bars, key=lambda bar: bar.views).label}"


def _counts(bar: Bar) -> dict[str, int]:
    return {"before": bar.before or 0, "views": bar.views, "visitors": bar.visitors or 0}


def _path(kind: str, bars: Sequence[Bar], top: int, left: int, width: int) -> str:
    """Draw bars of one kind that follow each other. Each begins where the one before does."""
    parts, step = [], left
    for bar in bars:
        if height := _height(_counts(bar)[kind], top):
            parts.append(f"m{step} 0V{height}h{width}V0z")
            step = 0
        step += COLUMN
    return "".join(parts)


def _height(value: int, top: int) -> int:
    """Return the height of a bar, in HEIGHT."""
    return max(round(HEIGHT * value / top), SMALLEST) if value else 0


def counted(number: int, noun: str) -> str:
    """Return such as "1,204 views" or "1 view"."""
    return f"{exact(number)} {noun}{'' if number == 1 else 's'}"


def _rounded(per_cent: float) -> float:
    return round(per_cent, 3)
