"""Tests of the labels of bars."""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from libs.page_views.reports.answers import Bucket, Measure
from services.dashboard.question import read_address
from services.dashboard.series import chart_of

ZONE = ZoneInfo("Europe/Berlin")


def test_should_tell_the_two_hours_apart_that_clocks_show_twice() -> None:
    # Given
    day = "2026-10-25"
    first = datetime(2026, 10, 24, 23, tzinfo=timezone.utc)
    starts = [(first + i * timedelta(hours=1)).astimezone(ZONE) for i in range(3)]
    buckets = tuple(Bucket(start, start, Measure(1), None) for start in starts)

    # When
    address = read_address(MultiDict({"from": day, "to": day}), date(2026, 11, 25), False)
    chart = chart_of(buckets, address)

    # Then
    assert [bar.label for bar in chart.bars] == [
        "25 Oct, 01:00",
        "25 Oct, 02:00 CEST",
        "25 Oct, 02:00 CET",
    ]
