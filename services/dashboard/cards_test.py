"""Tests of the cards."""

import pytest

from libs.page_views.reports.answers import Measure, NotCounted, Report
from services.dashboard.cards import cards

NOTHING = NotCounted("It is not counted.")


@pytest.mark.parametrize(
    ("views", "visitors", "shown"),
    [
        (3, 2, "1.5"),
        (10**9, 10**6 + 1, "999"),
        (9_990, 10, "999"),
        (10**9, 1, "1B"),
        (0, 0, "–"),
        (3, None, "–"),
    ],
)
def test_should_show_views_per_visitor_in_five_characters(
    views: int, visitors: int | None, shown: str
) -> None:
    report = Report(Measure(views, visitors), None, None, NOTHING, {}, {}, {})
    assert cards(report)[2].number == shown
