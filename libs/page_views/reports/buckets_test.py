"""Tests of how days are cut into buckets, and which period is the one before."""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from libs.page_views.reading import Range
from libs.page_views.reports.answers import Interval
from libs.page_views.reports.buckets import Before, before, cut, hours_so_far

BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")


def days(text: str) -> Range:
    """Return the days that are written as the first, two dots, and the last."""
    first, _, last = text.partition("..")
    return Range(date.fromisoformat(first), date.fromisoformat(last or first))


@pytest.mark.parametrize(
    ("zone", "day", "hours", "first"),
    [
        ("UTC", "2026-11-25", 24, "00:00"),
        ("Europe/Berlin", "2026-03-29", 23, "00:00"),
        ("Europe/Berlin", "2026-10-25", 25, "00:00"),
        ("Asia/Kathmandu", "2026-11-25", 24, "00:45"),
        ("America/Havana", "2026-03-08", 23, "01:00"),
        ("Australia/Lord_Howe", "2026-10-04", 23, "00:30"),
    ],
)
def test_should_cut_a_day_into_hours_of_utc(zone: str, day: str, hours: int, first: str) -> None:
    pieces = list(cut(days(day), Interval.HOUR, ZoneInfo(zone)))
    assert len(pieces) == hours
    assert f"{pieces[0].start:%H:%M}" == first
    lengths = {
        piece.end.astimezone(timezone.utc) - piece.start.astimezone(timezone.utc)
        for piece in pieces
    }
    assert lengths == {timedelta(hours=1)}
    assert {piece.start.astimezone(timezone.utc).minute for piece in pieces} == {0}


@pytest.mark.parametrize(
    ("interval", "cut_days", "pieces"),
    [
        (Interval.DAY, "2026-10-24..2026-10-26", ["2026-10-24", "2026-10-25", "2026-10-26"]),
        (
            Interval.MONTH,
            "2027-12-30..2028-03-01",
            [
                "2027-12-30..2027-12-31",
                "2028-01-01..2028-01-31",
                "2028-02-01..2028-02-29",
                "2028-03-01",
            ],
        ),
        (Interval.MONTH, "2026-11-03..2026-11-09", ["2026-11-03..2026-11-09"]),
    ],
)
def test_should_cut_days_into_days_and_months(
    interval: Interval, cut_days: str, pieces: list[str]
) -> None:
    found = list(cut(days(cut_days), interval, BERLIN))
    assert [piece.days for piece in found] == [days(piece) for piece in pieces]
    for piece in found:
        assert piece.start == datetime.combine(piece.days.first, datetime.min.time(), BERLIN)
        after = piece.days.last + timedelta(days=1)
        assert piece.end == datetime.combine(after, datetime.min.time(), BERLIN)


@pytest.mark.parametrize(
    ("asked", "interval", "expected"),
    [
        ("2026-11-25", Interval.HOUR, "2026-11-24"),
        ("2026-10-27..2026-11-25", Interval.DAY, "2026-09-27..2026-10-26"),
        ("2026-11-01..2026-11-30", Interval.DAY, "2026-10-01..2026-10-31"),
        ("2026-11-01..2026-11-25", Interval.DAY, "2026-10-07..2026-10-31"),
        ("2025-12-01..2026-11-25", Interval.MONTH, "2024-12-01..2025-11-25"),
        ("2025-11-26..2026-11-25", Interval.DAY, "2024-11-26..2025-11-25"),
        ("2026-03-01..2026-03-31", Interval.DAY, "2026-02-01..2026-02-28"),
        ("2028-01-01..2028-12-31", Interval.DAY, "2027-01-01..2027-12-31"),
        ("2027-03-01..2028-02-29", Interval.DAY, "2026-03-01..2027-02-28"),
    ],
)
def test_should_find_the_period_before(asked: str, interval: Interval, expected: str) -> None:
    earlier = before(days(asked), interval, date(2026, 11, 25))
    assert earlier.range(days(asked)) == days(expected)


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2028-02-28", "2027-02-28"), ("2028-02-29", None), ("2028-03-01", "2027-03-01")],
)
def test_should_not_shift_days_after_29_february(day: str, expected: str | None) -> None:
    earlier = before(days("2028-01-01..2028-12-31"), Interval.DAY, date(2026, 11, 25))
    assert earlier.range(days(day)) == (days(expected) if expected else None)


@pytest.mark.parametrize(
    ("hour", "fold", "expected"),
    [
        ("2026-11-25 14:00", 0, "2026-11-24 13:00"),
        ("2026-03-30 02:00", 0, None),  # clocks went from 02:00 to 03:00 the day before
        ("2026-03-30 03:00", 0, "2026-03-29 01:00"),
        ("2026-10-25 02:00", 0, "2026-10-24 00:00"),
        ("2026-10-25 02:00", 1, None),  # the day before had 02:00 only once
    ],
)
def test_should_find_the_same_hour_by_the_clock(hour: str, fold: int, expected: str | None) -> None:
    local = datetime.fromisoformat(hour).replace(tzinfo=BERLIN, fold=fold)
    utc = datetime.fromisoformat(f"{expected}+00:00") if expected else None
    assert Before(days=1).hour(local) == utc


def test_should_compare_the_hours_of_today_that_are_over() -> None:
    now = datetime(2026, 11, 25, 2, 59, tzinfo=BERLIN)
    found = hours_so_far(now, Before(days=1))
    assert found and [[f"{hour:%d %H}" for hour in span] for span in found] == [
        ["24 23", "25 00"],
        ["23 23", "24 00"],
    ]
    assert hours_so_far(now.replace(tzinfo=KATHMANDU), Before(days=1)) is None
