"""Tests of the rows that a page lists."""

from datetime import date

from werkzeug.datastructures import MultiDict

from libs.page_views.reading import OTHER, Kind
from libs.page_views.reports.answers import DIRECT, Measure, NotCounted
from services.dashboard.panels import Panel, chips, panel
from services.dashboard.question import Address, read_address

TABLE = {"/b": Measure(6, 2), "/a": Measure(3, 3), OTHER: Measure(1, None)}


def address(query: dict[str, str] | None = None) -> Address:
    """Return the address of the last 7 days."""
    return read_address(MultiDict({"range": "7", **(query or {})}), date(2026, 11, 25), False)


def panel_of(kind: Kind, table: dict[str, Measure] | NotCounted) -> Panel:
    """Return the panel of a table of example.org."""
    return panel(kind, table, address(), "example.org", slice(None))


def test_should_list_rows() -> None:
    listed = panel_of(Kind.PAGES, TABLE)
    rows = [(row.name, row.views, row.visitors) for row in listed.rows]
    assert rows == [("/b", 6, 2), ("/a", 3, 3), (OTHER, 1, None)]
    assert listed.total == 10


def test_should_count_all_rows_but_list_some() -> None:
    some = panel(Kind.PAGES, TABLE, address(), "example.org", slice(1, 2))
    assert (some.count, [row.name for row in some.rows]) == (3, ["/a"])
    assert some.total == 10


def test_should_link_rows_to_what_they_filter() -> None:
    row = panel_of(Kind.PAGES, TABLE).rows[0]
    assert (row.href, row.not_href) == ("?range=7&page=/b", "?range=7&not-page=/b")


def test_should_not_link_what_is_no_row() -> None:
    row = panel_of(Kind.PAGES, TABLE).rows[-1]
    assert (row.href, row.not_href, row.open_href) == ("", "", "")


def test_should_lead_to_pages_and_referrers_over_tls() -> None:
    table = {"x.example": Measure(2, 1), DIRECT: Measure(1, None)}
    assert panel_of(Kind.PAGES, TABLE).rows[0].open_href == "https://example.org/b"
    assert [row.open_href for row in panel_of(Kind.REFERRERS, table).rows] == [
        "https://x.example",
        "",
    ]
    assert panel_of(Kind.CAMPAIGNS, {"x.example": Measure(1)}).rows[0].open_href == ""


def test_should_say_why_it_has_no_rows() -> None:
    empty = panel_of(Kind.CAMPAIGNS, NotCounted("Campaigns are not counted per page."))
    assert (empty.rows, empty.reason) == ((), "Campaigns are not counted per page.")


def test_should_say_what_is_filtered() -> None:
    filtered = address().filtered(Kind.PAGES, "/a").filtered(Kind.REFERRERS, DIRECT, negated=True)
    assert list(chips(filtered)) == [
        ("page", "/a", "?range=7&not-referrer=%28direct%29", False),
        ("referrer", DIRECT, "?range=7&page=/a", True),
    ]
