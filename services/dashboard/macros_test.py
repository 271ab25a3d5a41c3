"""Tests of the parts that pages of numbers are made of."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import get_template_attribute

from services.dashboard.app import create_app
from services.dashboard.numbers import change

APP = create_app(redis.Redis())
TEMPLATES = Path(__file__).with_name("templates")
ATTACK = '"><script>alert(1)</script>'


def draw(name: str, *arguments: Any) -> str:
    """Return what a macro draws."""
    with APP.app_context():
        return str(get_template_attribute("macros.html", name)(*arguments))


def text(markup: str) -> str:
    """Return the text of it, with single and plain spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def test_should_show_rows_with_what_can_be_done_with_them() -> None:
    # Given
    rows = [
        {"name": "/a", "views": 12_345, "visitors": 9, "href": "?p=/a", "not_href": "?n=/a"},
        {"name": "(other)", "views": 50, "visitors": None},
    ]

    # When
    panel = draw("panel", "pages", "Pages", "Page", rows, 20_000, ("All 2", "?all"))

    # Then
    assert text(panel) == (
        "Pages Page Views Visitors Share /a ≠ 12.3k 9 61 % (other) 50 – <1 % All 2"
    )
    assert re.findall(r'href="([^"]*)"', panel) == ["?p=/a", "?n=/a", "?all"]
    assert re.findall(r'rect width="([^"]*)"', panel) == ["100.0%", "0.4%"]
    assert 'title="12,345"' in panel


def test_should_open_what_is_elsewhere_in_a_window_of_its_own() -> None:
    row = {"name": "/", "views": 1, "not_href": "?n=/", "open_href": "https://example.org/"}
    links = re.findall(r'href="([^"]*)" target="(\w+)"', draw("panel", "p", "P", "P", [row], 1))
    assert links == [("?n=/", "_self"), ("https://example.org/", "_blank")]


def test_should_leave_out_visitors_that_are_not_counted() -> None:
    assert "Visitors" not in draw("panel", "c", "C", "C", [{"name": "a", "views": 1}], 1)


def test_should_say_why_there_are_no_rows() -> None:
    panel = draw("panel", "pages", "Pages", "Page", [], 0, None, "Not counted per campaign.")
    assert text(panel) == "Pages Not counted per campaign."


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("panel", ("p", ATTACK, ATTACK, [{"name": ATTACK, "views": 1, "href": "?"}], 1)),
        ("chip", ("page", ATTACK, "?")),
        ("menu", (ATTACK, [(ATTACK, "?", True)], "Site")),
        ("choice", (ATTACK, [(ATTACK, ATTACK, "?", True)])),
        ("ranges", ([], ATTACK, "", "")),
        ("card", (ATTACK, "1", ATTACK)),
    ],
)
def test_should_escape_every_text(name: str, arguments: tuple[Any, ...]) -> None:
    assert "alert" in draw(name, *arguments)
    assert "<script" not in draw(name, *arguments) and '"">' not in draw(name, *arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("panel", ("p", "P", "P", [{"name": "/شركة", "views": 1, "href": "?"}], 1)),
        ("panel", ("p", "P", "P", [{"name": "/شركة", "views": 1}], 1)),
        ("chip", ("page", "/شركة", "?")),
        ("menu", ("/شركة", [], "Site")),
    ],
)
def test_should_isolate_names_from_right_to_left(name: str, arguments: tuple[Any, ...]) -> None:
    assert "<bdi>/شركة</bdi>" in draw(name, *arguments)


def test_should_tell_screen_readers_a_change_in_words() -> None:
    card = draw("card", "Views", "12.3k", "12,345", change(108, 100))
    assert text(card) == "Views 12.3k ▲ 8 % 8 % more"
    assert 'title="12,345"' in card
    same = draw("changed", change(0, 0), "yesterday")
    assert text(same) == "– none before either, against yesterday"


def test_should_name_a_filter_and_what_removes_it() -> None:
    chip = draw("chip", "referrer", "x.example", "?none", True)
    assert text(chip) == "referrer is not x.example ×"
    assert 'href="?none" aria-label="Remove: referrer is not x.example"' in chip


def test_should_need_no_style_or_script_that_the_policy_refuses() -> None:
    for template in TEMPLATES.iterdir():
        source = template.read_text("utf-8")
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]* src=)", source)
