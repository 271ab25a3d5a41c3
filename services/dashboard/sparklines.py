"""Draw the views of days as small as a word."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.dashboard.charts import counted

_STEP = 5
_HEIGHT = 28
_SMALLEST = 2


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


def sparkline(views: Sequence[int]) -> Sparkline:
    """Draw the views of days, the last one being today."""
    most = max(views, default=0)
    bars = [
        (
            f"M{index * _STEP} {_HEIGHT}v-{height}h{_STEP - 1}v{height}z"
            if (height := _spark_height(value, most))
            else ""
        )
        for index, value in enumerate(views)
    ]
    label = f"{len(views)} days, at most {counted(most, 'view')} on one"
    width = len(views) * _STEP - 1
    return Sparkline(label, width, _HEIGHT, "".join(bars[:-1]), "".join(bars[-1:]))


def _spark_height(value: int, most: int) -> int:
    return max(_HEIGHT * value // most, _SMALLEST) if value else 0
