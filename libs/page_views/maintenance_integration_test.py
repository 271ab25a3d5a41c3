"""Tests of changing numbers by hand."""

import time
from datetime import timedelta

import pytest
import redis

from libs.page_views import reading
from libs.page_views.checking import check_site
from libs.page_views.maintenance import reset_page, seed, seed_front_page
from libs.page_views.reading import Count, Kind, Range
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, add_site
from libs.page_views.visitors import Client


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    return add_site(redis_client, "example.org")


def view(client: redis.Redis, path: str, days_ago: int = 0) -> None:
    """Record a view, always by the same visitor and through the same link."""
    viewed = View(path, time.time() - 86400 * days_ago, Client(b"1234", ""), "r.example")
    Recorder(client).record("example.org", [viewed])


def test_should_seed_a_page_and_its_site(redis_client: redis.Redis, site: Site) -> None:
    view(redis_client, "/a")
    for _ in range(2):
        seed(redis_client, site, "/a", Count(100, 10))
    view(redis_client, "/a")
    assert reading.totals(redis_client, site) == Count(202, 21)
    assert reading.totals(redis_client, site, "/a") == Count(202, 21)
    assert sum(count.views for count in reading.by_month(redis_client, site).values()) == 2
    assert not check_site(redis_client, site)


def test_should_seed_the_views_of_the_front_page_once(
    redis_client: redis.Redis, site: Site
) -> None:
    assert seed_front_page(redis_client, site) == 0
    redis_client.set("page_views", 7)
    assert [seed_front_page(redis_client, site) for _ in range(2)] == [7, 0]
    assert reading.totals(redis_client, site, "/") == Count(7, 0)
    assert redis_client.get("page_views") == b"7"
    assert not check_site(redis_client, site)


def test_should_reset_a_page_on_all_days_and_keep_the_total(
    redis_client: redis.Redis, site: Site
) -> None:
    # Given
    for path in ("/a", "/a b", "/b"):
        for days_ago in (0, 1, 40):
            view(redis_client, path, days_ago)
    total = reading.totals(redis_client, site)
    today = reading.today(site)
    days = Range(today - timedelta(days=50), today)

    # When
    before = reset_page(redis_client, site, "/a")

    # Then
    assert before == Count(3, 3)
    assert reading.totals(redis_client, site) == total == Count(9, 3)
    assert reading.totals(redis_client, site, "/a") == Count()
    assert set(reading.rows(redis_client, site, Kind.PAGES, days)) == {"/a b", "/b"}
    assert not reading.rows_of(redis_client, site, days, path="/a")
    assert reading.rows_of(redis_client, site, days, path="/a b") == {"r.example": Count(3, 3)}
    assert not any(reading.by_day(redis_client, site, days, "/a")[today].__dict__.values())
    assert not check_site(redis_client, site)


def test_should_count_visitors_anew_after_a_reset(redis_client: redis.Redis, site: Site) -> None:
    view(redis_client, "/a")
    reset_page(redis_client, site, "/a")
    view(redis_client, "/a")
    assert reading.totals(redis_client, site, "/a") == Count(1, 1)
    days = Range(reading.today(site), reading.today(site))
    assert reading.rows_of(redis_client, site, days, path="/a") == {"r.example": Count(1, 1)}
