"""Tests that drift between numbers is found."""

import time
from datetime import datetime, timedelta, timezone

import pytest
import redis

from libs.page_views.checking import check_site
from libs.page_views.daily_import import TOTAL, Row, import_days
from libs.page_views.maintenance import seed
from libs.page_views.reading import Count
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, add_site, change_site, find_site
from libs.page_views.visitors import Client

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    """Return a site with three views of one visitor on a day, and a request that was dropped."""
    site = add_site(redis_client, "example.org")
    view = View("/", NOW.timestamp(), Client(b"1234", ""), "r.example", "c")
    Recorder(redis_client).record(site.name, [view, *(View("/", NOW.timestamp()) for _ in "ab")])
    Recorder(redis_client).record(site.name, [View("/", NOW.timestamp(), dropped="bot")])
    return site


def test_should_find_no_drift_in_what_was_recorded_and_seeded(
    redis_client: redis.Redis, site: Site
) -> None:
    seed(redis_client, site, "/", Count(10, 5))
    Recorder(redis_client).record(site.name, [View("/", time.time(), Client(b"1", ""))])
    assert not check_site(redis_client, site)


@pytest.mark.parametrize(
    ("number", "change", "found"),
    [
        (("all", "views"), 1, ["views: 4, but its parts add up to 3"]),
        (("all", "visitors"), 1, ["visitors: 2, but its parts add up to 1"]),
        (("seeded", "views"), 2, ["views: 3, but its parts add up to 5"]),
        (
            ("all:months", "2026-10"),
            1,
            [
                "views: 3, but its parts add up to 4",
                "views of 2026-10: 1, but its parts add up to 0",
            ],
        ),
        (("2026-11:days", "2026-11-24"), 1, ["views of 2026-11: 3, but its parts add up to 4"]),
        (("2026-10:days", "2026-10-01"), 1, ["views of 2026-10: 0, but its parts add up to 1"]),
        (
            ("2026-11:days:visitors", "2026-11-24"),
            1,
            ["visitors of 2026-11: 1, but its parts add up to 2"],
        ),
        (("2026-11:drops", "bot"), 1, ["dropped as bot: 1, but its parts add up to 2"]),
        (("all:pages", "/a"), 1, ["pages of all: 4 views, but the period has 3"]),
        (("2026-11:pages", "/a"), 1, ["pages of 2026-11: 4 views, but the period has 3"]),
        (("2026-11-25:pages", "/a"), 1, ["pages of 2026-11-25: 4 views, but the period has 3"]),
        (("2026-11:pairs", "/ a.example"), 3, ["pairs of 2026-11: 4 views, but the period has 3"]),
        (("all:referrers", "a.example"), 3, ["referrers of all: 4 views, but the period has 3"]),
        (
            ("2026-11-25:campaigns", "a"),
            3,
            ["campaigns of 2026-11-25: 4 views, but the period has 3"],
        ),
        (("2026-11-25:hours", "noon"), 1, ["2026-11-25:hours: noon is no hour"]),
        (("2026-11:pages", "/a"), -1, ["2026-11:pages: the number of /a is -1"]),
    ],
)
def test_should_find_what_does_not_fit(
    redis_client: redis.Redis, site: Site, number: tuple[str, str], change: int, found: list[str]
) -> None:
    table, row = number
    redis_client.hincrby(f"{site.key}:{table}", row, change)
    assert check_site(redis_client, site) == found


@pytest.mark.parametrize("change", [5, -4])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Asia/Kolkata", "America/Bogota"])
def test_should_compare_hours_with_the_days_of_the_site(
    redis_client: redis.Redis, zone: str, change: int
) -> None:
    # Given: a view in each quarter of an hour of three days
    site = add_site(redis_client, "example.org", zone=zone)
    today = datetime.now(site.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    times = [today.timestamp() - quarter * 900 for quarter in range(1, 3 * 96 + 1)]
    Recorder(redis_client).record(site.name, [View("/", time) for time in times], limited=False)
    assert not check_site(redis_client, site)

    # When
    yesterday = today - timedelta(days=1)
    noon = yesterday.replace(hour=12).astimezone(timezone.utc)
    redis_client.hincrby(f"{site.key}:{noon:%Y-%m-%d}:hours", f"{noon:%H}", change)

    # Then
    hours = f"{92 + change} to {98 + change}" if zone == "Asia/Kolkata" else f"{96 + change}"
    found = [f"views of {yesterday:%Y-%m-%d}: 96, but its hours add up to {hours}"]
    assert check_site(redis_client, site) == found
    change_site(redis_client, site, zone="Pacific/Auckland")  # from now on
    assert not check_site(redis_client, find_site(redis_client, site.name))


def test_should_not_miss_the_hours_of_what_has_none(redis_client: redis.Redis, site: Site) -> None:
    # Given
    today = datetime.now(timezone.utc).date()
    rows = [Row(today, TOTAL, "", 5, 1)]
    Recorder(redis_client).record(site.name, [View("/", time.time())] * 2)

    # When
    import_days(redis_client, site, "plausible:total", lambda: rows)

    # Then
    assert not check_site(redis_client, site)
    redis_client.hincrby(f"{site.key}:{today}:hours", "00", 10)
    assert len(check_site(redis_client, site)) == 1


def test_should_find_what_is_no_number(redis_client: redis.Redis, site: Site) -> None:
    redis_client.hset(f"{site.key}:all:pages", "/a", "many")
    assert check_site(redis_client, site) == ["all:pages: the number of /a is many"]
