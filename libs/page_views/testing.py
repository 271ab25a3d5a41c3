"""Helpers for tests of views: what the page says, and days that are kept on their own."""

import re
from datetime import date, timedelta


def number_of_view(text: str) -> int:
    """Return the view's number from the page's text; fail and show the text if it has none."""
    match = re.fullmatch(r"This page has been seen (\d+) times\.", text)
    assert match, text
    return int(match[1])


def latest(month: int, day: int) -> date:
    """Return a day of the year as it was within the last year: days of older views are not kept."""
    current = date.today()
    found = date(current.year, month, day)
    return found if found < current else date(current.year - 1, month, day)


def sunday_before(day: date) -> date:
    """Return the last Sunday before a day, such as that on which Europe's clocks are changed."""
    return day - timedelta(days=day.isoweekday())
