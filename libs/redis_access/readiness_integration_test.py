"""Readiness against a real Redis that is well, full, read-only, hanging or gone."""

import contextlib

import pytest
import redis

from libs.processes.testing import paused
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis
from libs.redis_access.page_views import PAGE_VIEWS_KEY
from libs.redis_access.readiness import why_not_ready


def test_should_be_ready_and_change_nothing(redis_client: redis.Redis) -> None:
    # When
    empty = why_not_ready(redis_client)
    keys = redis_client.dbsize()
    redis_client.set(PAGE_VIEWS_KEY, 4)
    counting = why_not_ready(redis_client)

    # Then
    assert (empty, keys) == (None, 0)
    assert (counting, redis_client.get(PAGE_VIEWS_KEY)) == (None, b"4")


def test_should_not_be_ready_when_redis_is_full(redis_client: redis.Redis) -> None:
    # Given
    redis_client.config_set("maxmemory", 1)

    # When
    reason = why_not_ready(redis_client)
    redis_client.config_set("maxmemory", 0)

    # Then
    assert reason == "Redis is out of memory"


def test_should_not_be_ready_when_redis_is_read_only(redis_client: redis.Redis) -> None:
    # Given
    redis_client.replicaof("127.0.0.1", "1")

    # When
    reason = why_not_ready(redis_client)
    redis_client.replicaof("NO", "ONE")

    # Then
    assert reason == "Redis is read-only"


def test_should_not_be_ready_when_the_key_holds_something_else(redis_client: redis.Redis) -> None:
    # Given
    redis_client.rpush(PAGE_VIEWS_KEY, "a list")

    # When
    reason = why_not_ready(redis_client)

    # Then
    assert reason == "Redis refuses to count"


def test_should_not_be_ready_without_the_password(
    redis_client: redis.Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    redis_client.config_set("requirepass", "secret")

    # When
    with contextlib.closing(connect(redis_url.replace("unix://", "unix://:wrong@"))) as stranger:
        reason = why_not_ready(stranger)
    redis_client.config_set("requirepass", "")

    # Then
    assert reason == "Redis refuses the user name or password"
    assert "wrong@" not in caplog.text


def test_should_not_be_ready_while_redis_hangs(
    redis_client: redis.Redis, redis_server: EmbeddedRedis
) -> None:
    # Given
    with paused(redis_server.process.pid):
        # When
        reason = why_not_ready(redis_client)

    # Then
    assert reason == "Redis does not answer in time"
    assert why_not_ready(redis_client) is None


def test_should_not_be_ready_when_nothing_listens() -> None:
    # When
    reason = why_not_ready(connect("redis://127.0.0.1:1"))

    # Then
    assert reason == "Redis cannot be reached"
