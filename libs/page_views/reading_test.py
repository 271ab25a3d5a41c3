"""Tests of which tables cover a range of days."""

from datetime import date

import pytest

from libs.page_views.reading import Range, RangeError

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("first", "last", "periods"),
    [
        ("2026-11-25", "2026-11-25", ["2026-11-25"]),
        ("2026-11-24", "2026-11-25", ["2026-11-24", "2026-11-25"]),
        ("2026-11-01", "2026-11-25", ["2026-11"]),
        ("2026-11-01", "2026-12-31", ["2026-11", "2026-12"]),
        ("2026-11-01", "2026-11-03", ["2026-11-01", "2026-11-02", "2026-11-03"]),
        ("2026-10-31", "2026-11-25", ["2026-10-31", "2026-11"]),
        ("2026-02-01", "2026-03-01", ["2026-02", "2026-03-01"]),
        ("2020-01-01", "2020-02-29", ["2020-01", "2020-02"]),
        ("2025-10-22", "2025-10-22", ["2025-10-22"]),
        ("2026-11-25", "2026-11-24", []),
    ],
)
def test_should_cover_a_range_with_months_and_days(
    first: str, last: str, periods: list[str]
) -> None:
    days = Range(date.fromisoformat(first), date.fromisoformat(last))
    assert days.periods(TODAY) == periods


@pytest.mark.parametrize("first", ["2025-10-21", "2020-01-02"])
def test_should_refuse_a_range_that_needs_days_no_longer_kept(first: str) -> None:
    message = "^days before 2025-10-22 are kept as months only: begin and end with a month$"
    with pytest.raises(RangeError, match=message):
        Range(date.fromisoformat(first), TODAY).periods(TODAY)
