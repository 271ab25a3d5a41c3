"""Helpers for tests that read the page."""

import re


def number_of_view(text: str) -> int:
    """Return the view's number from the page's text; fail and show the text if it has none."""
    match = re.fullmatch(r"This page has been seen (\d+) times\.", text)
    assert match, text
    return int(match[1])
