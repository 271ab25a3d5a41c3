"""Say where the outcome of an experiment is counted, and what its numbers mean."""

import math
from dataclasses import dataclass

_Z = 1.959963984540054
"""The quantile of the normal distribution that leaves 2.5 % on each side: 95 % between both."""


@dataclass(frozen=True)
class Proportion:
    """How many of a number reached a goal; at least one, and no more than all."""

    reached: int
    of: int

    @property
    def rate(self) -> float:
        """Return the share, from 0 to 1."""
        return self.reached / self.of

    def interval(self) -> tuple[float, float]:
        """Return the 95 % confidence interval of the share.

        Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
        inference" (1927).
        """
        spread = _Z * math.sqrt(_Z**2 + 4 * self.reached * (1 - self.rate))
        middle, width = 2 * self.reached + _Z**2, 2 * (self.of + _Z**2)
        return (middle - spread) / width, (middle + spread) / width


@dataclass(frozen=True)
class Difference:
    """A share less another one, and its 95 % confidence interval; each from -1 to 1."""

    estimate: float
    least: float
    most: float

    @property
    def by_chance(self) -> bool:
        """Return whether it may well be that there is none."""
        return self.least <= 0 <= self.most


def difference(one: Proportion, other: Proportion) -> Difference:
    """Return by how much one share is larger than another, of independent samples.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent
    proportions" (1998), method 10. It is right for small numbers, and for shares of 0 and 1.
    """
    (least, most), (other_least, other_most) = one.interval(), other.interval()
    estimate = one.rate - other.rate
    return Difference(
        estimate,
        estimate - math.hypot(one.rate - least, other_most - other.rate),
        estimate + math.hypot(most - one.rate, other.rate - other_least),
    )


def experiment_path(key: str, variant: str, goal: bool = False) -> str:
    """Return the path that counts who saw a variant of a flag, or who then reached its goal."""
    return f"/experiments/{key}/{variant}" + ("/goal" if goal else "")
