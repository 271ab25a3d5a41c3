"""Tests of charts of lines: the drawing, the legend and the table say the same."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import redis
from flask import get_template_attribute

from services.dashboard.app import create_app
from services.dashboard.line_charts import line_chart, readable
from services.dashboard.measured import Series

APP = create_app(redis.Redis())

TIMES = ["16:00", "16:01", "16:02", "16:03"]


def figure_of(*series: Series, unit: str = "") -> Element:
    """Return the figure of these series, parsed."""
    with APP.app_context():
        macro = get_template_attribute("charts.html", "line_figure")
        return ElementTree.fromstring(macro(line_chart("Speed", unit, TIMES, series)))


def texts(figure: Element, path: str) -> list[str]:
    """Return the texts of all elements at a path, with single spaces."""
    return [" ".join("".join(each.itertext()).split()) for each in figure.iterfind(path)]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        *[(None, "", "–"), (0, "", "0"), (0.25, "", "0.25"), (12.34, "", "12.3")],
        *[(999, "", "999"), (1250, "", "1.2k"), (0, "s", "0 s"), (0.025, "s", "25 ms")],
        *[(0.0004, "s", "0.4 ms"), (1.5, "s", "1.5 s"), (0.00001, "", "0.00001")],
        *[(999.7, "", "999"), (0.9997, "s", "999 ms"), (1250, "s", "1.2k s")],
    ],
)
def test_should_write_values_short(value: float | None, unit: str, text: str) -> None:
    assert readable(value, unit) == text


def test_should_draw_lines_in_proportion_with_gaps_where_nothing_is_known() -> None:
    chart = line_chart("Speed", "", TIMES, [Series("a", (0, 4, None, 2)), Series("5xx", (1,) * 4)])
    assert [line.text for line in chart.lines] == ["0", "1", "2", "3", "4"]
    assert chart.series[0].path == "M125.0 1000.0L125.0 1000.0L375.0 0.0M875.0 500.0L875.0 500.0"
    assert [each.style for each in chart.series] == ["line-0", "problem"]
    assert chart.highest == "4 at 16:01"


def test_should_say_the_same_in_legend_table_and_titles() -> None:
    series = Series("p50", (0.001, 0.002, 0.003, None)), Series("p99", (0.1, 0.2, 0.3, 1.5))
    figure = figure_of(*series, unit="s")
    assert texts(figure, "ul/li") == ["p50 3 ms", "p99 1.5 s"]
    rows = [texts(row, "*") for row in figure.iterfind(".//tbody/tr")]
    assert rows[0] == ["16:03 so far", "–", "1.5 s"]
    assert rows[-1] == ["16:00", "1 ms", "100 ms"]
    assert texts(figure, "svg/g/title")[1] == "16:01: p50 2 ms, p99 200 ms"


def test_should_say_that_nothing_was_measured() -> None:
    figure = figure_of()
    assert texts(figure, "p") == ["Nothing was measured."]
    assert figure.find("svg") is None


def test_should_draw_a_line_of_nothing_but_zeros() -> None:
    chart = line_chart("Errors", "", TIMES, [Series("timeout", (0, 0, 0, 0))])
    assert re.findall(r" (\S+?)(?=L|$)", chart.series[0].path) == ["1000.0"] * 5
    assert [line.text for line in chart.lines] == ["0", "1"]
    assert chart.highest == ""


def test_should_show_names_as_text() -> None:
    figure = figure_of(Series("<b>&", (1, 2, 3, 4)))
    assert texts(figure, "ul/li") == ["<b>& 4"]
