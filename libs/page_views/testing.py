"""What tests know of a page that shows the number of its view."""

import re


def number_of_view(text: str) -> int:
    """Return the number in the text of a page; fail, with the text, if it is no such page."""
    match = re.fullmatch(r"This page has been seen (\d+) times\.", text)
    assert match, text
    return int(match[1])
