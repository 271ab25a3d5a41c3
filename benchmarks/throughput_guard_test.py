"""Tests of the guard's judgement. That it notices a slow-down: its option --slower."""

import pytest

from benchmarks.throughput_guard import (
    BUSY,
    FEWEST_ROUNDS,
    MOST_ROUNDS,
    Judgement,
    Round,
    judge,
)

FAST, SLOW, LOWEST = 0.6, 0.4, 0.5


def rounds(*ratios: float, used_elsewhere: float = BUSY) -> list[Round]:
    """Return rounds with these ratios."""
    return [Round(ratio, used_elsewhere) for ratio in ratios]


@pytest.mark.parametrize(
    ("ratios", "judgement"),
    [
        ([], Judgement.MORE),
        ([FAST] * (FEWEST_ROUNDS - 1), Judgement.MORE),
        ([FAST] * FEWEST_ROUNDS, Judgement.FAST_ENOUGH),
        ([LOWEST] * FEWEST_ROUNDS, Judgement.FAST_ENOUGH),
        ([FAST, FAST, FAST, SLOW, SLOW], Judgement.FAST_ENOUGH),
        ([FAST, FAST, SLOW, SLOW, SLOW], Judgement.MORE),
        ([SLOW] * 3 + [FAST] * 4, Judgement.FAST_ENOUGH),
        ([SLOW] * (MOST_ROUNDS - 1), Judgement.MORE),
        ([SLOW] * MOST_ROUNDS, Judgement.TOO_SLOW),
        ([FAST] * (MOST_ROUNDS // 2) + [SLOW] * (MOST_ROUNDS // 2 + 1), Judgement.TOO_SLOW),
    ],
)
def test_should_judge_the_median_after_enough_rounds(
    ratios: list[float], judgement: Judgement
) -> None:
    assert judge(rounds(*ratios), LOWEST) is judgement


@pytest.mark.parametrize("ratio", [FAST, SLOW])
def test_should_not_judge_rounds_of_a_busy_machine(ratio: float) -> None:
    busy = rounds(*[ratio] * MOST_ROUNDS, used_elsewhere=BUSY + 0.01)
    assert judge(busy[1:], LOWEST) is Judgement.MORE
    assert judge(busy, LOWEST) is Judgement.TOO_BUSY


def test_should_judge_the_quiet_rounds_among_busy_ones() -> None:
    busy = rounds(*[SLOW] * (MOST_ROUNDS - 1), used_elsewhere=1)
    assert judge([*busy, *rounds(*[FAST] * FEWEST_ROUNDS)], LOWEST) is Judgement.FAST_ENOUGH
