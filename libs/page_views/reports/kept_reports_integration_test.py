"""Tests that reports are kept as long as they are right, and no longer than that and a while."""

import contextlib
import time
from datetime import timedelta

import pytest
import redis

from libs.page_views import maintenance
from libs.page_views.reading import Kind, Range
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, add_site
from libs.page_views.reports import batch, kept_reports
from libs.page_views.reports.answers import Filter, Interval, Opened, Question, Report
from libs.page_views.reports.reader import Reader
from libs.redis_access.connection import connect
from libs.redis_access.testing import count_sends

NAME = "example.org"
HOUR = 3600


def view(client: redis.Redis, path: str = "/", days_ago: int = 0) -> None:
    """Record a view."""
    Recorder(client).record(NAME, [View(path, time.time() - days_ago * 86_400)])


def ask(reader: Reader, *filters: Filter) -> Report:
    """Return a report of the last 60 days."""
    opened = reader.open(NAME)
    return reader.report(opened, question(opened, *filters))


def question(opened: Opened, *filters: Filter) -> Question:
    """Return a question about the last 60 days."""
    today = opened.now.date()
    return Question(Range(today - timedelta(days=59), today), Interval.DAY, filters)


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    """Return a site with a view."""
    site = add_site(redis_client, NAME)
    view(redis_client)
    return site


@pytest.mark.parametrize("days_ago", [0, 40])
@pytest.mark.usefixtures("site")
def test_should_keep_a_report_until_a_view_is_counted(
    redis_client: redis.Redis, days_ago: int
) -> None:
    # Given
    reader = Reader(redis_client)
    before = ask(reader)
    assert ask(reader).pages is before.pages

    # When
    view(redis_client, "/new", days_ago)

    # Then
    after = ask(reader)
    assert after.pages == ask(Reader(redis_client)).pages != before.pages


def test_should_keep_a_report_for_a_while_but_not_who_is_here_now(
    redis_client: redis.Redis, site: Site
) -> None:
    # Given
    reader = Reader(redis_client, HOUR)
    before = ask(reader)

    # When
    view(redis_client, "/new")

    # Then
    after = ask(reader)
    assert after.pages is before.pages
    assert (before.now.views, after.now.views) == (1, 2)
    assert ask(reader, Filter(Kind.PAGES, ("/new",))).total.views == 1  # type: ignore[union-attr]

    # When
    maintenance.reset_page(redis_client, site, "/")

    # Then
    assert ask(reader).pages == ask(Reader(redis_client)).pages


@pytest.mark.usefixtures("site")
def test_should_keep_reports_within_a_limit(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_reports, "MOST_ROWS_KEPT", 1_100)  # of two reports
    reader = Reader(redis_client)
    filters = [Filter(Kind.PAGES, (f"/{i}",)) for i in range(3)]
    first, second, third = (ask(reader, each) for each in filters)
    assert ask(reader, filters[2]).pages is third.pages
    assert ask(reader, filters[1]).pages is second.pages
    assert ask(reader, filters[0]).pages is not first.pages


@pytest.mark.usefixtures("site")
def test_should_read_large_tables_of_past_days_in_parts(
    redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(12):
        view(redis_client, f"/{i}", days_ago=40 + i)
    with contextlib.closing(connect(redis_url)) as client:
        sends = count_sends(client)
        reports, trips = [], []
        for rows in (1_000, 6):
            monkeypatch.setattr(batch, "ROWS_PER_TRIP", rows)
            reader = Reader(client)
            opened = reader.open(NAME)
            before = sends()
            reports.append(reader.report(opened, question(opened)))
            trips.append(sends() - before)
    assert reports[0] == reports[1]
    assert trips[0] == 1 < trips[1]
