"""Tests of the badges."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.web.badge import (
    COLOURS,
    MAX_CHARACTERS,
    STYLES,
    badge_svg,
    shields_json,
    short_number,
)

SVG = "{http://www.w3.org/2000/svg}"
BLUE = f"#{COLOURS['blue']}"


def drawn(badge: str) -> ElementTree.Element:
    """Return the root of a badge, which must be valid XML in UTF-8."""
    return ElementTree.fromstring(badge.encode())


def texts(badge: str) -> list[str | None]:
    """Return the texts that a badge shows, from left to right."""
    return [element.text for element in drawn(badge).iter(f"{SVG}text")]


def fills(badge: str) -> list[str]:
    """Return the colours of a badge's backgrounds, from left to right."""
    return [element.attrib["fill"] for element in drawn(badge).iter(f"{SVG}rect")]


@given(label=st.text(), value=st.text() | st.integers(), colour=st.text(), style=st.text())
@example("\ud800\x00\x0b\uffff\x7f", "]]>", "\"'<&", "\"'<&")
def test_should_be_an_image_for_any_text(
    label: str, value: str | int, colour: str, style: str
) -> None:
    badge = badge_svg(label, value, colour, style)
    assert set(drawn(badge).attrib) == {"width", "height", "role", "aria-label"}
    assert {element.tag.removeprefix(SVG) for element in drawn(badge).iter()} <= {
        *("svg", "title", "g", "rect", "text")
    }
    assert len(badge) < 10_000


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=MAX_CHARACTERS))
@example("<&\"'>")
def test_should_show_readable_text_unchanged(text: str) -> None:
    assert texts(badge_svg(text, text)) == [text, text]


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a\x00\x1b\u202eb", "ab"),
        ("  two\r\n\twords\u2028 ", "two words"),
        ("a\ufffe\ud800\U000e0041b", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a" * 64, "a" * 64),
        ("a" * 1_000_000, "a" * 63 + "…"),
    ],
)
def test_should_show_one_short_line_of_readable_characters(label: str, shown: str) -> None:
    assert texts(badge_svg(label, 1)) == [shown, "1"]
    assert shields_json(label, 1)["label"] == shown


def test_should_tell_screen_readers_what_it_shows() -> None:
    badge = drawn(badge_svg('"views" & more', 1234))
    title = badge.find(f"{SVG}title")
    assert badge.attrib["role"] == "img"
    assert badge.attrib["aria-label"] == '"views" & more: 1,234'
    assert title is not None
    assert title.text == '"views" & more: 1,234'


def test_should_leave_out_an_empty_label() -> None:
    badge = badge_svg(" ", 7)
    assert texts(badge) == ["7"]
    assert drawn(badge).attrib["aria-label"] == "7"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (999_999, "999,999"),
        (1_000_000, "1.0M"),
        (1_299_999, "1.2M"),
        (999_999_999, "999.9M"),
        (1_000_000_000, "1.0B"),
        (2**63 - 1, "9,223,372.0T"),
    ],
)
def test_should_shorten_numbers_from_a_million(number: int, shown: str) -> None:
    assert short_number(number) == shown
    assert texts(badge_svg("", number)) == [shown]
    assert shields_json("", number)["message"] == shown


@pytest.mark.parametrize(
    ("colour", "fill"),
    [
        ("red", f"#{COLOURS['red']}"),
        ("#A1b2C3", "#a1b2c3"),
        ("A1b2C3", "#a1b2c3"),
        ("#1aF", "#11aaff"),
        ("", BLUE),
        ("#12345", BLUE),
        ("#12345g", BLUE),
        ("123456\n", BLUE),
        ("١٢٣", BLUE),
        ("url(https://evil.example)", BLUE),
        ('red" onload="alert(1)', BLUE),
    ],
)
def test_should_take_colours_by_name_or_hexadecimal_digits(colour: str, fill: str) -> None:
    assert fills(badge_svg("views", 1, colour))[1] == fill
    assert f"#{shields_json('views', 1, colour)['color']}" == fill


@given(st.integers(0, 0xFFFFFF), st.sampled_from([each for each in STYLES if each != "plain"]))
def test_should_be_readable_on_any_colour(colour: int, style: str) -> None:
    badge = badge_svg("views", 1, f"{colour:06x}", style)
    inks = [element.attrib["fill"] for element in drawn(badge).iter(f"{SVG}text")]
    for background, ink in zip(fills(badge), inks, strict=True):
        darker, lighter = sorted(luminance(each[1:]) for each in (background, ink))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour as WCAG 2.2 defines it."""
    total = 0.0
    for weight, value in zip((0.2126, 0.7152, 0.0722), bytes.fromhex(colour), strict=True):
        part = value / 255
        total += weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
    return total


@pytest.mark.parametrize(
    ("style", "corners"),
    [
        ("flat", ["3", "3"]),
        ("flat-square", ["0", "0"]),
        ("pill", ["10", "10"]),
        ("plain", []),
        ("unknown", ["3", "3"]),
    ],
)
def test_should_be_drawn_in_a_style(style: str, corners: list[str]) -> None:
    badge = badge_svg("views", 1, style=style)
    assert [element.attrib["rx"] for element in drawn(badge).iter(f"{SVG}rect")] == corners
    assert texts(badge) == ["views", "1"]


@pytest.mark.parametrize(
    ("text", "pixels"),  # the sums of the advances in the font file
    [("views", 31.1), ("1,234,567", 56.0), ("page views today", 96.8), ("WWW ijl @%", 70.2)],
)
def test_should_know_the_widths_of_texts_in_dejavu_sans(text: str, pixels: float) -> None:
    (element,) = drawn(badge_svg("", text)).iter(f"{SVG}text")
    assert float(element.attrib["textLength"]) == pytest.approx(pixels, rel=0.02)


@pytest.mark.parametrize(
    ("label", "attributes"),
    [
        ("views", {"textLength"}),
        ("1 visité", set()),
        ("צפיות!", {"direction"}),
        ("123 مشاهدات", {"direction"}),
        ("访问", set()),
    ],
)
def test_should_keep_scripts_intact(label: str, attributes: set[str]) -> None:
    badge = drawn(badge_svg(label, 1))
    text = next(badge.iter(f"{SVG}text"))
    assert set(text.attrib) - {"x", "y", "fill"} == attributes


def test_should_fit_the_texts_side_by_side() -> None:
    badge = drawn(badge_svg("views", 1234))
    left, right = badge.iterfind(f"{SVG}g/{SVG}svg")
    assert re.fullmatch(r"\d+", left.attrib["width"])
    assert right.attrib["x"] == left.attrib["width"]
    assert int(left.attrib["width"]) + int(right.attrib["width"]) == int(badge.attrib["width"])


def test_should_answer_shields_io() -> None:
    assert shields_json("views", 1_234_567, "green") == {
        "schemaVersion": 1,
        "label": "views",
        "message": "1.2M",
        "color": COLOURS["green"],
    }
