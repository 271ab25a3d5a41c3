"""Tests of charts as they are drawn: the SVG, the caption and the table say the same."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import redis
from flask import get_template_attribute
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dashboard.app import create_app
from services.dashboard.charts import MOST_BARS, Bar, axis, bar_chart
from services.dashboard.numbers import scaled
from services.dashboard.sparklines import sparkline

APP = create_app(redis.Redis())

BARS = [
    Bar("1 May", "1 May", 1_000, 500, 900, href="/1"),
    Bar("2 May", "2 May", 0, 0, 0, href="/2"),
    Bar("3 May", "3 May", 1_204, 1, 1, href="/3"),
    Bar("4 May", "4 May", 602, 410, None, so_far=True),
    Bar("5 May", "5 May", 0, future=True),
]


def figure_of(bars: Sequence[Bar]) -> Element:
    """Return the figure of these bars, parsed."""
    with APP.app_context():
        return ElementTree.fromstring(
            get_template_attribute("charts.html", "figure")(bar_chart(bars))
        )


def drawn(figure: Element, name: str) -> list[Element]:
    """Return what is drawn with this class; the legend is no part of it."""
    return figure.findall(f"svg//*[@class='{name}']")


def heights(figure: Element, name: str) -> list[float]:
    """Return the heights of the bars of this class, in per cent."""
    path, current = (figure.findall(f"svg//{tag}[@class='{name}']") for tag in ("path", "rect"))
    numbers = re.findall(r"V([0-9]+)h", path[0].attrib["d"]) if path else []
    return [
        *(int(number) / 10 for number in numbers),
        *(float(bar.attrib["height"].removesuffix("%")) for bar in current),
    ]


def cells(figure: Element) -> list[list[str]]:
    """Return the rows of the table, without those of the header."""
    return [["".join(cell.itertext()) for cell in row] for row in figure.iterfind(".//tbody/tr")]


def test_should_draw_bars_in_proportion_from_zero() -> None:
    # When
    figure = figure_of(BARS)

    # Then
    assert heights(figure, "views") == [80, 96.3, 48.2]  # of 1250; nothing for zero or later
    assert heights(figure, "visitors") == [40, 1.3, 32.8]  # one visitor is not too few to see
    assert heights(figure, "before") == [72, 1.3]


def test_should_draw_each_bar_in_its_column() -> None:
    # When
    figure = figure_of(BARS)

    # Then
    past, current = drawn(figure, "views")
    assert past.attrib["d"] == "M0 0m14 0V800h72V0zm200 0V963h72V0z"
    assert (current.attrib["x"], current.attrib["width"]) == ("62.8%", "14.4%")
    assert (current.attrib["y"], current.attrib["height"]) == ("51.8%", "48.2%")
    (drawing,) = drawn(figure, "past")
    assert drawing.attrib["viewBox"] == "0 0 500 1000"
    columns = figure.findall("svg/svg/*/rect")
    assert [int(column.attrib["x"]) for column in columns] == [0, 100, 200, 300]


def test_should_draw_visitors_in_front_of_views_and_both_in_front_of_before() -> None:
    figure = figure_of(BARS)
    paths = [path.attrib["class"] for path in figure.iterfind("svg/svg/path")]
    current = [bar.attrib["class"] for bar in figure.iterfind("svg/rect")]
    assert paths == ["before", *current] == ["before", "views", "visitors"]


def test_should_hatch_what_is_not_over_and_say_so() -> None:
    figure = figure_of(BARS)
    fills = [bar.attrib["fill"] for bar in figure.iterfind("svg/rect[@fill]")]
    assert fills == ["url(#hatched-views)", "url(#hatched-visitors)"]
    assert figure.findtext("svg/svg/g/title") == "4 May so far: 602 views, 410 visitors"
    assert cells(figure)[-1][0] == "4 May so far"


def test_should_link_bars_for_pointers_and_dates_for_keyboards() -> None:
    # When
    figure = figure_of(BARS)

    # Then
    bars = figure.findall("svg[@aria-hidden='true']/svg/a[@tabindex='-1']")
    dates = figure.findall(".//th/a")
    assert [bar.attrib["href"] for bar in bars] == ["/1", "/2", "/3"]
    assert [bar.attrib for bar in dates] == [{"href": "/1"}, {"href": "/2"}, {"href": "/3"}]


def test_should_tell_a_pointer_the_numbers_of_a_bar() -> None:
    assert (
        figure_of(BARS).findtext("svg/svg/a[3]/title")
        == "3 May: 1,204 views, 1 visitor, 1 view before"
    )


def test_should_say_the_same_in_caption_table_and_drawing() -> None:
    figure = figure_of(BARS)
    assert figure.findtext("figcaption/b") == "2,806 views, most on 3 May"
    assert cells(figure) == [
        ["1 May", "1,000", "500", "900"],
        ["2 May", "0", "0", "0"],
        ["3 May", "1,204", "1", "1"],
        ["4 May so far", "602", "410", "–"],
    ]


@settings(deadline=None, database=None, derandomize=True)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=MOST_BARS))
def test_should_draw_and_list_every_count(views: list[int]) -> None:
    # When
    figure = figure_of([Bar(f"{index}", "", count) for index, count in enumerate(views)])

    # Then
    top = axis(max(views))[-1]
    total = f"{sum(views):,} v" if any(views) else "No views"
    assert (figure.findtext("figcaption/b") or "").startswith(total)
    assert [cell for _, cell in cells(figure)] == [f"{count:,}" for count in views]
    assert heights(figure, "views") == pytest.approx(
        [max(100 * count / top, 1.3) for count in views if count], abs=0.051
    )


def test_should_leave_out_what_is_not_known() -> None:
    figure = figure_of([Bar("1 May", "1 May", 5)])
    assert not heights(figure, "visitors") and not heights(figure, "before")
    assert cells(figure) == [["1 May", "5"]]
    legend = "".join("".join(key.itertext()) for key in figure.iterfind("figcaption/span"))
    assert legend.split() == ["Views"]


@pytest.mark.parametrize("bars", [[Bar("a", "a", 0)], [Bar("a", "a", 0, future=True)]])
def test_should_keep_the_axis_when_nothing_was_viewed(bars: list[Bar]) -> None:
    figure = figure_of(bars)
    assert figure.findtext("figcaption/b") == "No views"
    assert [value.text for value in drawn(figure, "value")] == ["0", "1"]


@pytest.mark.parametrize(
    ("most", "values"),
    [
        *[(0, [0, 1]), (1, [0, 1]), (3, [0, 1, 2, 3]), (10, [0, 2, 4, 6, 8, 10])],
        *[(11, [0, 5, 10, 15]), (1_204, [0, 250, 500, 750, 1_000, 1_250])],
    ],
)
def test_should_choose_round_steps(most: int, values: list[int]) -> None:
    assert list(axis(most)) == values


@settings(deadline=None, database=None, derandomize=True)
@given(st.integers(0, 10**12))
def test_should_have_room_for_the_most_and_waste_little(most: int) -> None:
    # When
    values = axis(most)

    # Then
    step = values[1]
    assert len(values) <= 6
    assert values[-2] < most <= values[-1] or most <= 1
    assert str(step).rstrip("0") in ("1", "2", "25", "5")
    assert all(unscaled(scaled(value)) == value for value in values)


def unscaled(text: str) -> float:
    """Return the number that was scaled."""
    digits = text.rstrip("kMBT")
    return (
        float(digits)
        * {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}[text[len(digits) :]]
    )


@pytest.mark.parametrize("bars", [1, 7, 12, 24, 30, 31, 92, 366, MOST_BARS])
def test_should_label_few_places_and_keep_the_last_inside(bars: int) -> None:
    # When
    labels = bar_chart([Bar("", str(index), 1) for index in range(bars)]).labels

    # Then
    assert len(labels) <= 8 and sum(not label.spare for label in labels) <= 4
    for label in labels:
        assert label.anchor == ("middle" if label.left <= 92 else "end")
        assert label.left <= 100


@pytest.mark.parametrize("bars", [0, MOST_BARS + 1])
def test_should_refuse_more_than_a_screen_can_show(bars: int) -> None:
    with pytest.raises(ValueError, match="1 to 400"):
        bar_chart([Bar("", "", 1)] * bars)


def test_should_draw_a_sparkline() -> None:
    line = sparkline([0, 14, 28, 1])
    assert line.label == "4 days, at most 28 views on one"
    assert line.past == "M5 28v-14h4v14zM10 28v-28h4v28z"
    assert line.today == "M15 28v-2h4v2z"
    assert (line.width, line.height) == (19, 28)


def test_should_draw_a_sparkline_of_nothing() -> None:
    assert (sparkline([0, 0]).past, sparkline([0, 0]).today) == ("", "")
