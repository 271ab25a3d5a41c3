"""Tests that what other programs counted is added once, and corrected."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.page_views import reading
from libs.page_views.checking import check_site
from libs.page_views.daily_import import HOURS, TOTAL, DailyReport, Row, import_days
from libs.page_views.reading import OTHER, Count, Kind, Range
from libs.page_views.recording import MOST_ROWS
from libs.page_views.registry import Site, UnknownSite, add_site, remove_site
from libs.page_views.tables import IMPORTED, read_tables

DAY = datetime.now(timezone.utc).date() - timedelta(days=40)
OLD = date(2020, 2, 29)


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    return add_site(redis_client, "example.org")


def day_of(views: int, day: date = DAY) -> list[Row]:
    """Return the rows of a day."""
    kinds = {Kind.PAGES: "/a", Kind.REFERRERS: "b.example", Kind.PAIRS: "/a b.example"}
    counts = views, views // 2
    return [
        Row(day, TOTAL, "", *counts),
        Row(day, HOURS, f"{day} 09", *counts),
        *(Row(day, kind.value, name, *counts) for kind, name in kinds.items()),
    ]


def run(client: redis.Redis, site: Site, rows: Sequence[Row]) -> DailyReport:
    """Import rows."""
    return import_days(client, site, "program", lambda: rows)


def stored(client: redis.Redis, site: Site) -> dict[str, dict[str, int]]:
    """Return all tables of numbers."""
    tables = {table.name: table.rows for table in read_tables(client, site) if table.name}
    return {
        name: {row: int(value) for row, value in rows.items()}
        for name, rows in tables.items()
        if not name.startswith(IMPORTED)
    }


def test_should_add_the_difference_only(redis_client: redis.Redis, site: Site) -> None:
    # When
    reports = [run(redis_client, site, day_of(views)) for views in (10, 10, 14, 4)]

    # Then
    assert reports == [
        DailyReport(10, changed=1),
        DailyReport(repeated=1),
        DailyReport(4, changed=1),
        DailyReport(-10, changed=1),
    ]
    days = Range(DAY, DAY)
    assert reading.totals(redis_client, site) == Count(4, 2)
    assert reading.by_day(redis_client, site, days)[DAY] == Count(4, 2)
    assert reading.by_hour(redis_client, site, days)[
        datetime(DAY.year, DAY.month, DAY.day, 9, tzinfo=timezone.utc)
    ] == Count(4, 2)
    assert reading.rows(redis_client, site, Kind.PAGES, days) == {"/a": Count(4, 2)}
    assert reading.rows_of(redis_client, site, days, path="/a") == {"b.example": Count(4, 2)}
    assert not check_site(redis_client, site)


def test_should_store_the_day_of_rows_that_come_in_any_order(
    redis_client: redis.Redis, site: Site
) -> None:
    rows = day_of(10) + day_of(6, DAY + timedelta(days=1))
    run(redis_client, site, rows[::2] + rows[1::2])
    assert run(redis_client, site, rows) == DailyReport(repeated=2)
    assert reading.totals(redis_client, site).views == 16


def test_should_keep_days_no_longer_than_those_that_were_counted(
    redis_client: redis.Redis, site: Site
) -> None:
    run(redis_client, site, day_of(10, OLD) + day_of(10))
    assert not list(redis_client.scan_iter(f"{site.key}:{OLD}:*"))
    assert reading.by_month(redis_client, site)["2020-02"] == Count(10, 5)
    tables = [table for table in read_tables(redis_client, site) if table.name.startswith(f"{DAY}")]
    assert len(tables) == 8 and all(table.expires for table in tables)


_ROWS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5), max_size=6)


@settings(
    database=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(_ROWS, max_size=4))
def test_should_have_the_sum_of_the_last_import(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, imports: list[dict[str, int]]
) -> None:
    # Given
    redis_client.flushall()
    site = add_site(redis_client, "example.org")
    monkeypatch.setitem(MOST_ROWS, "pages", {"day": 2, "month": 4})

    # When
    for pages in imports:
        run(redis_client, site, [Row(DAY, "pages", name, n, n) for name, n in pages.items()])
        if not pages:
            run(redis_client, site, [Row(DAY, "pages", "a", 0, 0)])

    # Then
    expected = sum(imports[-1].values()) if imports else 0
    for name, rows in stored(redis_client, site).items():
        assert sum(rows.values()) == expected
        assert min(rows.values()) > 0
        assert len(rows.keys() - {OTHER}) <= (4 if not name.startswith(f"{DAY}") else 2)


def test_should_add_once_what_two_import_at_once(
    redis_client: redis.Redis, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given another import that is faster after this one has looked what is remembered
    look = redis_client.hget

    def look_slowly(*names: str) -> Any:
        found = look(*names)
        monkeypatch.undo()
        run(redis_client, site, day_of(10))
        return found

    monkeypatch.setattr(redis_client, "hget", look_slowly)

    # Then
    assert run(redis_client, site, day_of(10)) == DailyReport(repeated=1)
    assert reading.totals(redis_client, site) == Count(10, 5)


def test_should_say_which_part_is_not_stored(
    redis_client: redis.Redis, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    redis_client.set(f"{site.key}:all:pages", "mine")
    run(redis_client, site, day_of(10))
    assert "example.org: a part was not stored: WRONGTYPE" in caplog.text
    assert reading.totals(redis_client, site).views == 10


def test_should_store_nothing_for_a_site_that_was_removed(
    redis_client: redis.Redis, site: Site
) -> None:
    remove_site(redis_client, site)
    with pytest.raises(UnknownSite):
        run(redis_client, site, day_of(10))
    assert not list(redis_client.scan_iter(f"{site.key}*"))
