"""Tests that imported views are counted once, whatever happens and however often they come."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest
import redis

from libs.page_views import importing, reading
from libs.page_views.imported_hours import Identified, expect
from libs.page_views.importing import BATCH_VIEWS, ImportRunning, Report, running_import
from libs.page_views.reading import Count, Kind
from libs.page_views.recording import COUNTED, REPEATED, Recorder, View
from libs.page_views.registry import Site, add_site
from libs.page_views.testing import latest
from libs.page_views.visitors import Client

NOON = datetime.fromisoformat(f"{latest(3, 1)}T12:00:00+00:00")
OLD = NOON.replace(year=NOON.year - 3)
DROPPED = "/6"

Entry = Identified[tuple[float, str]]


@pytest.fixture(name="site", params=["UTC", "Asia/Kolkata"])
def _site(redis_client: redis.Redis, request: pytest.FixtureRequest) -> Site:
    return add_site(redis_client, "example.org", zone=request.param)


def entries(first: int, end: int, hour: int = 0, begin: datetime = NOON) -> list[Entry]:
    """Return entries of an hour, each named by its number; every seventh is a bot's."""
    time = begin.timestamp() + (hour + 0.5) * 3600
    return [Entry(time, b"%d" % n, (time, f"/{n % 7}")) for n in range(first, end)]


def view_of(entry: tuple[float, str], nonce: str) -> View:
    """Return a view of one of the visitors, or a drop."""
    time, path = entry
    return View(path, time, Client(path.encode(), ""), "", "", "bot" * (path == DROPPED), nonce)


def run(client: redis.Redis, site: Site, log: Sequence[Entry]) -> Report:
    """Import a log; return the report."""
    with running_import(client, site, "log", view_of, expect(log)) as running:
        running.record(log)
    return running.report


def numbers(client: redis.Redis, site: Site) -> tuple[Count, dict[str, int], dict[str, Count]]:
    """Return what was counted: the total, the drops, and the pages."""
    pages = reading.rows(client, site, Kind.PAGES)
    return reading.totals(client, site), reading.drops(client, site), pages


def keys(client: redis.Redis, pattern: str) -> list[bytes]:
    """Return the keys of a site that match."""
    return sorted(client.scan_iter(f"v2:{{1}}:{pattern}"))


LOG = entries(0, 700) + entries(700, 1400, 1) + entries(1400, 2100, 2)


def test_should_count_a_log_once(redis_client: redis.Redis, site: Site) -> None:
    # When
    first = run(redis_client, site, LOG)
    counted = numbers(redis_client, site)
    again = run(redis_client, site, LOG[::-1])

    # Then
    assert first == Report(1800, Counter(bot=300))
    assert again == Report(0, repeated=2100)
    assert counted[:2] == (Count(1800, 6), {"bot": 300})
    assert numbers(redis_client, site) == counted
    assert len(keys(redis_client, "imported:*")) == 1  # the last hour is not complete
    assert not keys(redis_client, "salt:*") and not keys(redis_client, "nonce:*")


def test_should_count_an_entry_once_that_comes_twice(redis_client: redis.Redis, site: Site) -> None:
    recorder = Recorder(redis_client, source="log")
    views = [View("/a", NOON.timestamp(), nonce="1")] * 2
    assert recorder.record(site.name, views) == [COUNTED, REPEATED]
    assert recorder.record(site.name, views) == [REPEATED, REPEATED]
    assert [redis_client.ttl(key) > 0 for key in keys(redis_client, "imported:log:*")] == [True]


@pytest.mark.parametrize("batches", [-1, 0, 1])
def test_should_go_on_after_an_interruption(
    redis_client: redis.Redis, site: Site, batches: int
) -> None:
    # Given
    def interrupted() -> Iterator[Entry]:
        yield from LOG[: (batches + 1) * BATCH_VIEWS + 1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with running_import(redis_client, site, "log", view_of, expect(LOG)) as running:
            running.record(interrupted())
    assert sum(reading.drops(redis_client, site).values()) >= batches * BATCH_VIEWS // 7

    # When
    run(redis_client, site, LOG)

    # Then
    total, drops, pages = numbers(redis_client, site)
    assert (total, drops) == (Count(1800, total.visitors), {"bot": 300})
    assert {row.views for row in pages.values()} == {300}
    assert run(redis_client, site, LOG).repeated == 2100


def test_should_go_on_with_the_last_hour(redis_client: redis.Redis, site: Site) -> None:
    # Given
    first, grown, rotated = LOG[:1500], LOG[:1900], LOG[1900:] + entries(2100, 2107, 4)

    # When
    reports = [run(redis_client, site, log) for log in (first, grown, rotated)]

    # Then
    assert [report.repeated for report in reports] == [0, 1500, 0]
    assert reading.totals(redis_client, site).views == 1806
    assert run(redis_client, site, LOG + entries(2100, 2107, 4)).repeated == 2107
    assert not any(report.skipped for report in reports)


def test_should_skip_and_report_an_hour_with_other_views(
    redis_client: redis.Redis, site: Site
) -> None:
    run(redis_client, site, LOG)
    report = run(redis_client, site, LOG[1:] + entries(2100, 2107, 4))
    assert report.skipped == {NOON: 699}
    assert (report.counted, report.repeated) == (6, 1400)


def test_should_rather_skip_than_count_twice_what_is_no_longer_known(
    redis_client: redis.Redis, site: Site
) -> None:
    # Given
    run(redis_client, site, LOG)
    redis_client.delete(*keys(redis_client, "imported:*"))  # as IMPORT_SECONDS later

    # Then
    assert run(redis_client, site, LOG).repeated == 2100
    assert run(redis_client, site, LOG + entries(2100, 2107, 2)).skipped.total() == 707
    assert reading.totals(redis_client, site).views == 1800


def test_should_record_entries_as_they_come(redis_client: redis.Redis, site: Site) -> None:
    with running_import(redis_client, site, "log", view_of) as running:
        running.record(LOG[:1])
        running.flush()
        assert reading.totals(redis_client, site).views == 1
        running.record(LOG[1:])
        running.flush()
        running.record(entries(2100, 2107))  # long after their hour
    with running_import(redis_client, site, "log", view_of) as again:
        again.record(LOG)
    assert running.report.skipped == {NOON: 7}
    assert (again.report.repeated, again.report.skipped.total()) == (700, 1400)
    assert reading.totals(redis_client, site).views == 1800
    assert run(redis_client, site, LOG).repeated == 2100


def test_should_wait_for_another_import(
    redis_client: redis.Redis, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "WAIT_SECONDS", 0.1)
    with running_import(redis_client, site, "log", view_of):
        with pytest.raises(ImportRunning):
            run(redis_client, site, LOG)
    assert run(redis_client, site, LOG).counted == 1800


@pytest.mark.parametrize(("begin", "rows"), [(NOON, True), (OLD, False)])
def test_should_keep_no_more_of_past_days_than_of_others(
    redis_client: redis.Redis, site: Site, begin: datetime, rows: bool
) -> None:
    days = [entries(n, n + 30, n, begin) for n in range(0, 24 * 30, 30)]
    run(redis_client, site, [entry for day in days for entry in day])
    unique = {key.split(b":unique:")[0] for key in keys(redis_client, "*:unique:*")}
    assert len(unique) <= 3  # the last day, its month and its hour
    assert (len(keys(redis_client, "*:pages")) > 10) == rows
