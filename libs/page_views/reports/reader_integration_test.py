"""Tests of what reports say besides sums: when they read what, and what they leave open."""

# pylint: disable=unused-argument  # a test that names the fixture has a site
# pylint: disable=protected-access  # how much a reader keeps is seen nowhere else

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from libs.page_views import daily_import, maintenance, recording
from libs.page_views.demonstration import demonstration
from libs.page_views.reading import Count, Kind, Range, RangeError
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, UnknownSite, add_site, find_site, rename_site
from libs.page_views.reports import overviews, table_sums
from libs.page_views.reports.answers import (
    DIRECT,
    Filter,
    Interval,
    Measure,
    NotCounted,
    Opened,
    Question,
    Report,
)
from libs.page_views.reports.buckets import month_end
from libs.page_views.reports.reader import Reader
from libs.page_views.transfer import load_sites
from libs.redis_access.connection import connect
from libs.redis_access.testing import count_sends

NAME = "example.org"
PAGE = Filter(Kind.PAGES, ("/",))
NOT_PAGE = Filter(Kind.PAGES, ("/",), negated=True)
REFERRER = Filter(Kind.REFERRERS, ("r.example",))
IS_DIRECT = Filter(Kind.REFERRERS, (DIRECT,))
CAMPAIGN = Filter(Kind.CAMPAIGNS, ("spring",))


def last(opened: Opened, days: int) -> Range:
    """Return so many days, the last of which is today."""
    return Range(opened.now.date() - timedelta(days=days - 1), opened.now.date())


def view(client: redis.Redis, path: str = "/", days_ago: int = 0) -> None:
    """Record a view."""
    Recorder(client).record(NAME, [View(path, time.time() - days_ago * 86_400)])


def ask(
    reader: Reader, *filters: Filter, days: int = 60, interval: Interval = Interval.DAY
) -> Report:
    """Return a report of the last days."""
    opened = reader.open(NAME)
    return reader.report(opened, Question(last(opened, days), interval, filters))


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    """Return a site."""
    return add_site(redis_client, NAME)


def test_should_read_a_page_in_two_round_trips(redis_client: redis.Redis, redis_url: str) -> None:
    # Given
    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    load_sites(redis_client, demonstration(NAME, now, seed=1))
    with contextlib.closing(connect(redis_url)) as client:
        sends = count_sends(client)
        reader = Reader(client)
        reader.open(NAME)
        for filters in ((), (PAGE,), (NOT_PAGE, REFERRER), (PAGE, IS_DIRECT), (CAMPAIGN,)):
            for interval in Interval:
                ask(reader, *filters, days=365, interval=interval)  # past days are kept from now on
                view(redis_client)

                # When
                before = sends()
                ask(reader, *filters, days=365, interval=interval)

                # Then
                assert sends() == before + 2
        before = sends()
        reader.overviews()
        assert sends() == before + 2


CHANGES: dict[str, Callable[[redis.Redis, Site], object]] = {
    "a late view": lambda client, _: view(client, "/late", days_ago=40),
    "a page that is reset": lambda client, site: maintenance.reset_page(client, site, "/"),
    "an import that is corrected": lambda client, site: imported(client, site, "/b"),
}


def imported(client: redis.Redis, site: Site, path: str) -> None:
    """Import a day's counts: 5 views of a path."""
    day = datetime.now(timezone.utc).date() - timedelta(days=40)
    rows = [daily_import.Row(day, daily_import.TOTAL, "", 5, 2)]
    rows.append(daily_import.Row(day, Kind.PAGES.value, path, 5, 2))
    daily_import.import_days(client, site, "plausible", lambda: rows)


@pytest.mark.parametrize("change", CHANGES)
def test_should_notice_that_past_days_change(
    redis_client: redis.Redis, site: Site, change: str
) -> None:
    # Given
    view(redis_client, days_ago=40)
    imported(redis_client, site, "/a")
    reader = Reader(redis_client)
    before = ask(reader)

    # When
    CHANGES[change](redis_client, site)

    # Then
    assert ask(reader).pages == ask(Reader(redis_client)).pages != before.pages


def test_should_keep_sums_within_a_limit(
    redis_client: redis.Redis, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_sums, "MOST_BYTES_KEPT", 35_000)
    for i in range(4):
        view(redis_client, f"/{i}", days_ago=40 + i)
    reader = Reader(redis_client)
    for days in (42, 43, 44, 42):
        assert ask(reader, days=days) == ask(Reader(redis_client), days=days)
        kept = reader._kept._kept.values()
        assert 0 < sum(sums.size for sums in kept) == reader._kept._bytes <= 35_000


def test_should_find_a_site_again_when_names_change(redis_client: redis.Redis, site: Site) -> None:
    reader = Reader(redis_client)
    assert reader.open(NAME).site == site
    rename_site(redis_client, site, "new.example")
    with pytest.raises(UnknownSite):
        reader.open(NAME)
    other = add_site(redis_client, NAME, zone="Asia/Tokyo")
    assert reader.open(NAME).site == other
    assert reader.open("new.example").site == find_site(redis_client, "new.example")


@pytest.mark.parametrize(
    ("filters", "interval", "parts"),
    [
        ((CAMPAIGN, PAGE), Interval.DAY, {"total", "series", "pages", "referrers", "campaigns"}),
        ((CAMPAIGN,), Interval.DAY, {"pages", "referrers"}),
        ((PAGE,), Interval.DAY, {"campaigns"}),
        ((REFERRER,), Interval.DAY, {"campaigns"}),
        ((PAGE,), Interval.HOUR, {"series", "campaigns"}),
        ((), Interval.HOUR, {"series"}),  # 60 days have more hours than are shown
        ((), Interval.DAY, set()),
    ],
)
def test_should_say_what_is_not_counted(
    redis_client: redis.Redis,
    site: Site,
    filters: tuple[Filter, ...],
    interval: Interval,
    parts: set[str],
) -> None:
    report = ask(Reader(redis_client), *filters, interval=interval)
    names = ("total", "series", "pages", "referrers", "campaigns")
    found = {name for name in names if isinstance(getattr(report, name), NotCounted)}
    assert found == parts


def test_should_say_that_a_row_without_room_may_have_more(
    redis_client: redis.Redis, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    few = {kind: {"day": 1, "month": 2} for kind in recording.MOST_ROWS}
    monkeypatch.setattr(recording, "MOST_ROWS", few)
    now = datetime.now(timezone.utc).replace(day=20, hour=12) - timedelta(days=60)
    for path in ("/", "/", "/a", "/b"):
        Recorder(redis_client).record(NAME, [View(path, now.timestamp(), referrer="r.example")])
    reader = Reader(redis_client)

    def total(days: Range, *filters: Filter) -> tuple[object, object]:
        opened = replace(reader.open(NAME), now=now)
        report = reader.report(opened, Question(days, Interval.DAY, filters))
        return report.total, report.unplaced

    day = Range(now.date(), now.date())
    month = Range(now.date().replace(day=1), month_end(now.date()))
    page = Filter(Kind.PAGES, ("/a",))

    # Then
    assert total(day, PAGE) == (Measure(2, 0), 0)
    assert total(day, page) == (Measure(0, 0, may_be_more=True), 0)
    assert total(day, replace(page, negated=True)) == (Measure(4, may_be_less=True), 0)
    assert total(day, page, REFERRER) == (Measure(0, 0, may_be_more=True), 0)
    assert total(month, page) == (Measure(1, 0), 1)
    assert total(month, replace(page, negated=True)) == (Measure(3), -1)


def test_should_not_take_an_import_without_pairs_for_direct_views(
    redis_client: redis.Redis, site: Site
) -> None:
    # Given
    day = datetime.now(timezone.utc).date() - timedelta(days=1)
    counted = {
        (daily_import.TOTAL, ""): 5,
        (Kind.PAGES.value, "/"): 5,
        (Kind.REFERRERS.value, "r.example"): 4,
    }
    rows = [daily_import.Row(day, *row, views, 1) for row, views in counted.items()]
    daily_import.import_days(redis_client, site, "plausible", lambda: rows)
    reader = Reader(redis_client)

    # Then
    assert ask(reader, IS_DIRECT).total == Measure(1)
    assert ask(reader, PAGE).referrers == {"(other)": Measure(5)}
    assert ask(reader, PAGE, REFERRER).total == Measure(0, 0, may_be_more=True)
    assert isinstance(ask(reader, PAGE, IS_DIRECT).total, NotCounted)
    assert isinstance(ask(reader, NOT_PAGE).referrers, NotCounted)


@pytest.mark.parametrize(
    ("first", "last_day"), [("0001-01-01", "9999-12-31"), ("2026-01-02", "2026-01-01")]
)
def test_should_refuse_days_that_are_none(
    redis_client: redis.Redis, site: Site, first: str, last_day: str
) -> None:
    reader = Reader(redis_client)
    days = Range(date.fromisoformat(first), date.fromisoformat(last_day))
    with pytest.raises(RangeError):
        reader.report(reader.open(NAME), Question(days, Interval.MONTH))


def test_should_report_days_of_years_ago(redis_client: redis.Redis, site: Site) -> None:
    # Given
    reader = Reader(redis_client)
    month = reader.open(NAME).now.replace(year=2021, month=3, day=5)
    for moment in (month, month, month.replace(day=31), month.replace(month=2)):
        Recorder(redis_client).record(NAME, [View("/", moment.timestamp())])
    days = Range(date(2021, 3, 1), date(2021, 3, 31))

    # When
    opened = reader.open(NAME)
    report = reader.report(opened, Question(days, Interval.DAY))
    filtered = reader.report(opened, Question(days, Interval.DAY, (PAGE,)))
    by_month = reader.report(opened, Question(days, Interval.MONTH, (PAGE,)))

    # Then
    assert report.total == report.compared_total == filtered.total == Measure(3, 0)
    assert report.before == by_month.before == Measure(1, 0)
    assert isinstance(report.series, tuple) and isinstance(by_month.series, tuple)
    assert [bucket.measure.views for bucket in report.series] == [0] * 4 + [2] + [0] * 25 + [1]
    assert [bucket.before for bucket in by_month.series] == [Measure(1, 0)]
    assert isinstance(filtered.series, NotCounted)
    with pytest.raises(RangeError):
        reader.report(opened, Question(Range(days.first, date(2021, 4, 1)), Interval.DAY))


def test_should_compare_as_much_time_as_has_passed(redis_client: redis.Redis, site: Site) -> None:
    # Given
    reader = Reader(redis_client)
    now = datetime.now(timezone.utc).replace(hour=14, minute=30)
    hours = {0: [1, 13, 14], 1: [1, 2, 13, 14, 20]}
    for days_ago, viewed in hours.items():
        for hour in viewed:
            moment = now.replace(hour=hour) - timedelta(days=days_ago)
            Recorder(redis_client).record(NAME, [View("/", moment.timestamp())])

    def compared(days: int, *filters: Filter) -> tuple[object, object]:
        opened = replace(reader.open(NAME), now=now)
        report = reader.report(opened, Question(last(opened, days), Interval.DAY, filters))
        return report.compared_total, report.before

    # Then
    assert compared(1) == (Measure(2), Measure(3))
    assert compared(2) == (Measure(5, 0), Measure(0, 0))
    assert compared(2, PAGE) == (Measure(5, 0), Measure(0, 0))
    assert isinstance(compared(1, PAGE)[0], NotCounted)


def test_should_mark_the_bucket_that_is_not_over_and_those_to_come(
    redis_client: redis.Redis, site: Site
) -> None:
    reader = Reader(redis_client)
    opened = reader.open(add_site(redis_client, "b.example", zone="Europe/Berlin").name)
    # The second of two hours that clocks call 02:00.
    now = datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc).astimezone(opened.site.zone)
    opened = replace(opened, now=now)
    report = reader.report(opened, Question(last(opened, 1), Interval.HOUR))
    assert isinstance(report.series, tuple)
    assert [bucket.so_far for bucket in report.series] == [False] * 3 + [True] + [False] * 21
    assert [bucket.future for bucket in report.series] == [False] * 4 + [True] * 21


def test_should_give_an_overview_of_all_sites(
    redis_client: redis.Redis, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    add_site(redis_client, "a.example", zone="Asia/Kathmandu")
    now = datetime.now(timezone.utc).replace(hour=14, minute=30)
    viewed = {0: [13, 14], 1: [0, 13, 14, 20], 29: [14], 30: [14]}
    moments = [
        now.replace(hour=hour) - timedelta(ago) for ago, hours in viewed.items() for hour in hours
    ]
    views = [View("/", moment.timestamp()) for moment in moments]
    Recorder(redis_client).record(NAME, views)
    monkeypatch.setattr(overviews, "time", SimpleNamespace(time=now.timestamp))

    # When
    other, overview = Reader(redis_client).overviews()

    # Then
    assert (other.site.name, other.today, other.yesterday_so_far) == ("a.example", Count(), None)
    assert overview.site == site
    assert (overview.today, overview.yesterday) == (Count(2), Count(4))
    assert (overview.today_so_far, overview.yesterday_so_far) == (1, 2)
    assert overview.last_days == (Count(1), *[Count()] * 27, Count(4), Count(2))


def test_should_raise_what_redis_answers(redis_client: redis.Redis, site: Site) -> None:
    today = datetime.now(timezone.utc).date()
    for period in (f"{today}", f"{today:%Y-%m}"):  # on the first of a month, it is read instead
        redis_client.set(f"{site.key}:{period}:pages", "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        ask(Reader(redis_client), days=1)


@pytest.fixture(name="unreachable")
def _unreachable(data_dir: Path) -> Iterator[redis.Redis]:
    """Yield a client of a Redis that is not there."""
    client = connect(f"unix://{data_dir}/none")
    yield client
    client.close()


def test_should_raise_that_redis_is_away(unreachable: redis.Redis) -> None:
    for call in (lambda: Reader(unreachable).open(NAME), Reader(unreachable).overviews):
        with pytest.raises(redis.ConnectionError):
            call()
