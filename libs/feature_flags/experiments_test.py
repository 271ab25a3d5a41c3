"""Tests of what the numbers of an experiment mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.feature_flags.experiments import Proportion, difference


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [  # Newcombe (1998), table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_should_give_the_interval_of_the_source(
    one: tuple[int, int], other: tuple[int, int], least: float, most: float
) -> None:
    found = difference(Proportion(*one), Proportion(*other))
    assert (round(found.least, 4), round(found.most, 4)) == (least, most)
    assert found.by_chance == (least <= 0)


def proportions() -> st.SearchStrategy[Proportion]:
    """Invent a proportion."""
    numbers = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    return numbers.map(lambda drawn: Proportion(*drawn))


@given(proportions(), proportions())
def test_should_hold_the_estimate_and_turn_with_it(first: Proportion, second: Proportion) -> None:
    found, turned = difference(first, second), difference(second, first)
    assert -1 - 1e-9 <= found.least <= found.estimate <= found.most <= 1 + 1e-9
    assert (turned.least, turned.most) == pytest.approx((-found.most, -found.least))
