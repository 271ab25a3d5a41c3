"""Tests of a year of invented views."""

from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
import redis

from libs.page_views import reading
from libs.page_views.checking import check_site
from libs.page_views.demonstration import demonstration
from libs.page_views.reading import Kind, Range
from libs.page_views.registry import Site, find_site
from libs.page_views.transfer import load_sites

NOW = datetime.now(timezone.utc).replace(hour=15)


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    load_sites(redis_client, demonstration("demo.example", NOW, seed=0))
    return find_site(redis_client, "demo.example")


def test_should_fill_a_year_with_numbers_that_fit(redis_client: redis.Redis, site: Site) -> None:
    # When
    days = Range(NOW.date() - timedelta(days=364), NOW.date())
    views = [count.views for count in reading.by_day(redis_client, site, days).values()]
    week = Counter[bool]()
    for i, count in enumerate(views):
        week[(days.first + timedelta(days=i)).weekday() > 4] += count
    today = reading.by_hour(redis_client, site, Range(NOW.date(), NOW.date()))

    # Then
    assert site.demo
    assert not check_site(redis_client, site)
    assert all(views)
    assert sum(views[-28:]) > 2 * sum(views[:28])
    assert week[False] / 5 > 1.5 * week[True] / 2
    assert not any(count.views for hour, count in today.items() if hour.hour >= NOW.hour)
    for kind in Kind:
        rows = list(reading.rows(redis_client, site, kind, days).values())
        assert rows[0].views > 1.3 * rows[1].views  # Zipf's law
        assert all(row.visitors <= row.views for row in rows)


def test_should_invent_the_same_again() -> None:
    first, second, other = (list(demonstration("a.example", NOW, seed)) for seed in (0, 0, 1))
    assert first == second != other
