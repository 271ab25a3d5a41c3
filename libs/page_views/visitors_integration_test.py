"""Tests that all processes share a salt for each day, which nobody keeps."""

import time

import pytest
import redis

from libs.page_views import visitors
from libs.page_views.visitors import Salts

KEY = "v2:{1}"
DAY = "2026-11-25"


def test_should_share_a_salt_between_processes(redis_client: redis.Redis) -> None:
    salts = [Salts(redis_client).of(KEY, DAY) for _ in range(3)]
    assert len(set(salts)) == 1
    assert len(salts[0]) == 16


def test_should_make_a_new_salt_for_each_site_and_day(redis_client: redis.Redis) -> None:
    salts = Salts(redis_client)
    days = (DAY, "2026-11-26")
    assert len({salts.of(key, day) for key in (KEY, "v2:{2}") for day in days}) == 4


def test_should_let_redis_forget_a_salt_after_two_days(redis_client: redis.Redis) -> None:
    Salts(redis_client).of(KEY, DAY)
    redis_client.expire(f"{KEY}:salt:{DAY}", 1000)
    Salts(redis_client).of(KEY, DAY)
    assert redis_client.ttl(f"{KEY}:salt:{DAY}") <= 1000
    Salts(redis_client).of(KEY, "2026-11-26")
    assert 48 * 3600 - 10 < redis_client.ttl(f"{KEY}:salt:2026-11-26") <= 48 * 3600


def test_should_forget_a_salt_in_the_process_too(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    salts = Salts(redis_client)
    first = salts.of(KEY, DAY)
    redis_client.flushall()
    assert salts.of(KEY, DAY) == first

    # When
    later = time.monotonic() + visitors.KNOWN_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    salts.of(KEY, "2026-11-26")

    # Then
    assert first not in repr(vars(salts)).encode("unicode_escape")
    assert repr(first) not in repr(vars(salts))
    assert salts.of(KEY, DAY) != first


def test_should_ask_redis_for_a_salt_once(redis_client: redis.Redis) -> None:
    salts = Salts(redis_client)
    days = [f"day {number}" for number in range(3)]
    for day in days:
        salts.of(KEY, day)
    before = redis_client.info("stats")["total_commands_processed"]
    for _ in range(10):
        for day in days:
            salts.of(KEY, day)
    assert redis_client.info("stats")["total_commands_processed"] == before + 1  # the first INFO
