"""Tests of what the address of a page asks for."""

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from libs.page_views.reading import Kind, Range
from libs.page_views.reports.answers import DIRECT, Filter, Interval
from services.dashboard.question import RANGES, Address, InvalidAddress, read_address

TODAY = date(2026, 11, 25)


def read(query: str = "", today: date = TODAY, is_new: bool = False) -> Address:
    """Return what a query asks for."""
    parts = parse_qs(urlsplit(query).query, keep_blank_values=True)
    return read_address(MultiDict(parts), today, is_new)


@pytest.mark.parametrize(
    ("query", "first", "last", "interval"),
    [
        ("", date(2026, 10, 27), TODAY, Interval.DAY),
        ("?range=today", TODAY, TODAY, Interval.HOUR),
        ("?range=7", date(2026, 11, 19), TODAY, Interval.DAY),
        ("?range=90", date(2026, 8, 28), TODAY, Interval.DAY),
        ("?range=year", date(2025, 12, 1), TODAY, Interval.MONTH),
        ("?from=2026-11-24", date(2026, 11, 24), TODAY, Interval.HOUR),
        ("?to=2026-11-24", date(2026, 11, 24), date(2026, 11, 24), Interval.HOUR),
        ("?from=2026-11-20&to=2027-01-01", date(2026, 11, 20), TODAY, Interval.DAY),
        ("?range=today&page=/a", TODAY, TODAY, Interval.DAY),
        ("?range=7&by=hour", date(2026, 11, 19), TODAY, Interval.HOUR),
    ],
)
def test_should_read_days(query: str, first: date, last: date, interval: Interval) -> None:
    address = read(query)
    assert (address.days, address.interval) == (Range(first, last), interval)


def test_should_show_today_of_a_new_site() -> None:
    assert read(is_new=True).range == "today"


def test_should_read_filters() -> None:
    query = "?page=/a&page=/b%3Fc=1&not-page=/d&referrer=(direct)&campaign=x&campaign=x&referrer="
    assert read(query).filters == (
        Filter(Kind.PAGES, ("/a", "/b?c=1")),
        Filter(Kind.PAGES, ("/d",), negated=True),
        Filter(Kind.REFERRERS, (DIRECT,)),
        Filter(Kind.CAMPAIGNS, ("x",)),
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?range=31", "There is no range '31'"),
        ("?from=2026-13-01", "is no date"),
        ("?from=20261101", "is no date"),
        ("?from=1969-12-31", "of 1970 or later"),
        ("?from=2026-11-02&to=2026-11-01", "begins on 2026-11-02 but ends before"),
        ("?from=2026-11-26", "after today, which is 2026-11-25"),
        ("?range=90&by=hour", "choose a shorter range, or day or month"),
        ("?range=30&by=week", "cannot be divided by 'week'"),
        ("?" + "&".join(f"page=/{i}" for i in range(51)), "at most 50 rows"),
    ],
)
def test_should_refuse_what_cannot_be_shown(query: str, words: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        read(query)
    assert words in str(caught.value)


ADDRESSES = st.builds(
    lambda days, by, compare, filters: read(days + by + compare + filters),
    st.sampled_from(["?from=2026-02-01&to=2026-02-28", *(f"?range={name}" for name in RANGES)]),
    st.sampled_from(["", "&by=day", "&by=month"]),
    st.sampled_from(["", "&compare=0"]),
    st.sampled_from(["", "&page=/a%26b&not-page=/c%20d&referrer=x.example", "&not-campaign=%2B1"]),
)


@given(ADDRESSES)
def test_should_read_the_same_from_an_address_that_was_copied(address: Address) -> None:
    assert read(address.query) == address


@given(ADDRESSES, st.sampled_from(["/a&b", "/c d", "/e"]), st.booleans())
def test_should_undo_a_filter(address: Address, row: str, negated: bool) -> None:
    filtered = address.filtered(Kind.PAGES, row, negated)
    assert sum(row in each.rows for each in filtered.filters) == 1
    undone = filtered.without(Kind.PAGES, row)
    assert set(undone.filters) == set(address.without(Kind.PAGES, row).filters)


def test_should_say_the_opposite_of_a_row() -> None:
    address = read().filtered(Kind.PAGES, "/a").filtered(Kind.PAGES, "/a", negated=True)
    assert address.filters == (Filter(Kind.PAGES, ("/a",), negated=True),)


@pytest.mark.parametrize(
    ("query", "periods", "days"),
    [
        ("?range=7", -1, ("2026-11-12", "2026-11-18")),
        ("?from=2026-11-12&to=2026-11-18", 1, ("2026-11-19", "2026-11-25")),
        ("?from=2026-02-01&to=2026-02-28", 1, ("2026-03-01", "2026-03-31")),
        ("?from=2024-02-01&to=2024-02-29", -1, ("2024-01-01", "2024-01-31")),
        ("?range=year", -1, ("2024-12-01", "2025-11-30")),
        ("?from=2024-12-01&to=2025-11-30", 1, ("2025-12-01", "2026-11-25")),
    ],
)
def test_should_move_to_other_days(query: str, periods: int, days: tuple[str, str]) -> None:
    moved = read(query).moved(periods)
    assert moved and (f"{moved.first}", f"{moved.last}") == days


def test_should_know_a_range_by_its_name_after_moving_back_and_forth() -> None:
    earlier = read("?range=30").moved(-1)
    assert earlier and earlier.range == ""
    later = earlier.moved(1)
    assert later and later.range == "30"


@pytest.mark.parametrize("name", RANGES)
def test_should_not_move_into_the_future(name: str) -> None:
    assert read(f"?range={name}").moved(1) is None


def test_should_not_move_to_days_that_are_kept_as_months_only() -> None:
    assert read("?from=2025-10-28&to=2025-11-05").moved(-1) is None
    assert read("?from=2025-11-01&to=2025-11-30").moved(-1)


def test_should_divide_other_days_anew() -> None:
    address = read("?range=7&by=hour")
    assert address.of("90").interval is Interval.DAY
    assert address.of("today").interval is Interval.HOUR
    assert address.between(date(2026, 11, 1), date(2026, 11, 30)).last == TODAY


def test_should_name_one_day_shortly() -> None:
    address = read_address(MultiDict({"day": "2026-11-20", "page": "/a"}), TODAY, False)
    assert (address.first, address.last) == (date(2026, 11, 20), date(2026, 11, 20))
    assert address.query == "?day=2026-11-20&page=/a"
    query = address.queries()
    assert query(date(2026, 11, 19), date(2026, 11, 19)) == "?day=2026-11-19&page=/a"
    assert query(date(2026, 11, 1), date(2026, 11, 30)) == f"?from=2026-11-01&to={TODAY}&page=/a"
