"""Tests of the numbers that people read."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dashboard.numbers import change, exact, share, short

COUNTS = st.integers(0, 10**15 - 1)
UNITS = {"k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        *[(0, "0"), (7, "7"), (999, "999"), (1_000, "1k"), (1_099, "1k"), (1_204, "1.2k")],
        *[(9_999, "9.9k"), (12_345, "12.3k"), (99_999, "99.9k"), (123_999, "123k")],
        *[(999_999, "999k"), (1_234_567, "1.2M"), (999_999_999, "999M"), (10**9, "1B")],
        *[(1_290_000_000, "1.2B"), (10**15 - 1, "999T"), (10**15, "1000T")],
    ],
)
def test_should_shorten(count: int, shown: str) -> None:
    assert short(count) == shown


@settings(deadline=None, database=None, derandomize=True)
@given(COUNTS)
def test_should_round_down_and_lose_less_than_a_tenth(count: int) -> None:
    shown = Fraction(short(count).rstrip("kMBT")) * UNITS.get(short(count)[-1], 1)
    assert shown <= count < shown * Fraction(11, 10) or shown == count


@settings(deadline=None, database=None, derandomize=True)
@given(COUNTS)
def test_should_fit_a_card(count: int) -> None:
    assert len(short(count)) <= 5


def test_should_separate_thousands() -> None:
    assert (exact(0), exact(999), exact(1_204), exact(10**9)) == (
        "0",
        "999",
        "1,204",
        "1,000,000,000",
    )


@pytest.mark.parametrize(
    ("count", "before", "text", "words"),
    [
        (0, 0, "–", "none before either"),
        (5, 0, "new", "none before"),
        (5, 5, "0 %", "as many"),
        (108, 100, "▲ 8 %", "8 % more"),
        (98, 100, "▼ 2 %", "2 % less"),
        (0, 100, "▼ 100 %", "100 % less"),
        (1, 1_000, "▼ 99 %", "99 % less"),
        (1_001, 1_000, "▲ <1 %", "<1 % more"),
        (999, 1_000, "▼ <1 %", "<1 % less"),
        (10_999, 1_000, "▲ 999 %", "999 % more"),
        (11_000, 1_000, "×11", "11 times as many"),
        (12_999, 1_000, "×12", "12 times as many"),
        (5_000_000, 1, "×5M", "5M times as many"),
    ],
)
def test_should_compare(count: int, before: int, text: str, words: str) -> None:
    found = change(count, before)
    assert (found.text.replace("\xa0", " "), found.words.replace("\xa0", " ")) == (text, words)


@settings(deadline=None, database=None, derandomize=True)
@given(COUNTS, COUNTS)
def test_should_say_more_only_of_more(count: int, before: int) -> None:
    direction = change(count, before).direction
    assert direction == ("up" if count > before else "down" if count < before else "same")


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "–"), (0, 9, "0 %"), (1, 900, "<1 %"), (899, 900, "99 %"), (9, 9, "100 %")],
)
def test_should_tell_a_share(part: int, whole: int, shown: str) -> None:
    assert share(part, whole).replace("\xa0", " ") == shown
