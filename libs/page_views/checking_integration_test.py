"""Tests that drift between numbers is found."""

import time
from datetime import datetime, timezone

import pytest
import redis

from libs.page_views.checking import check_site
from libs.page_views.maintenance import seed
from libs.page_views.reading import Count
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, add_site
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
        (("2026-11:pages", "/a"), -1, ["2026-11:pages: the number of /a is -1"]),
    ],
)
def test_should_find_what_does_not_fit(
    redis_client: redis.Redis, site: Site, number: tuple[str, str], change: int, found: list[str]
) -> None:
    table, row = number
    redis_client.hincrby(f"{site.key}:{table}", row, change)
    assert check_site(redis_client, site) == found


def test_should_find_what_is_no_number(redis_client: redis.Redis, site: Site) -> None:
    redis_client.hset(f"{site.key}:all:pages", "/a", "many")
    assert check_site(redis_client, site) == ["all:pages: the number of /a is many"]
