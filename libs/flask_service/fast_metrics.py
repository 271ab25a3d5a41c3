"""Count and observe with less work than prometheus_client needs, for what every request does.

Between two requests, the caches of the processor forget prometheus_client's many small objects. To
add to a value in its file is all that has to be done: it takes a fifth of the time.
"""

# pylint: disable=protected-access  # prometheus_client has no other way to its files

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Histogram


def counting(counter: Counter) -> Callable[[float], None]:
    """Return what adds a number to a counter, which has all its labels."""
    if not counter._value._multiprocess:
        return counter.inc
    cells, cell = _cell(counter._value)

    def count(number: float) -> None:
        cells[cell] += number

    return count


def observing(histogram: Histogram) -> Callable[[float], None]:
    """Return what observes a number by a histogram, which has all its labels."""
    if not histogram._sum._multiprocess:
        return histogram.observe
    cells, sum_cell = _cell(histogram._sum)
    bounds = histogram._upper_bounds
    buckets = [_cell(bucket) for bucket in histogram._buckets]

    def observe(number: float) -> None:
        cells[sum_cell] += number
        of_bucket, cell = buckets[bisect_left(bounds, number)]
        of_bucket[cell] += 1

    return observe


def _cell(value: Any) -> tuple["memoryview[float]", int]:
    """Return the file of a value as an array, and where the value is in it.

    A file that grows is mapped again; the array remains another view of the same memory. No other
    thread can run within an addition, because those of Gunicorn's worker are greenlets.
    """
    file = value._file
    return memoryview(file._m).cast("d"), file._positions[value._key] // 8
