"""Tests of which errors are retried, and for how long."""

import pytest
import redis

from libs.redis_access.connection import connect
from libs.redis_access.retries import (
    ATTEMPTS,
    BUDGET_SECONDS,
    WAIT_SECONDS,
    call_with_retries,
    slowest_attempt_seconds,
)


@pytest.mark.parametrize(
    ("url", "waits"),
    [
        ("redis://localhost", 3),
        ("redis://:password@localhost", 4),
        ("redis://:password@localhost/1", 5),
        ("unix:///run/redis.sock?db=1", 4),
        ("rediss://localhost", 6),
        ("rediss://:password@localhost/1", 7),
        ("redis+sentinel://:password@localhost/group", 7),
        ("redis+cluster://localhost,localhost", 4),
        ("redis+cluster://:password@localhost", 5),
    ],
)
def test_should_know_how_long_one_attempt_can_take(url: str, waits: int) -> None:
    seconds = slowest_attempt_seconds(connect(url))
    assert seconds == pytest.approx(waits * WAIT_SECONDS)
    assert seconds <= BUDGET_SECONDS


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (redis.ConnectionError(), ATTEMPTS),
        (redis.TimeoutError(), ATTEMPTS),
        (redis.BusyLoadingError(), ATTEMPTS),
        (redis.AuthenticationError(), 1),
        (redis.ReadOnlyError(), 1),
        (redis.OutOfMemoryError(), 1),
        (redis.ResponseError(), 1),
    ],
)
def test_should_retry_only_transient_errors(error: Exception, attempts: int) -> None:
    # Given
    calls = []

    def fail(_deadline: float) -> None:
        calls.append(error)
        raise error

    # When
    with pytest.raises(type(error)):
        call_with_retries(connect("redis://localhost"), fail)

    # Then
    assert len(calls) == attempts


def test_should_return_the_first_result() -> None:
    # Given
    attempts = []

    def fail_once(_deadline: float) -> int:
        attempts.append("attempt")
        if len(attempts) == 1:
            raise redis.TimeoutError
        return 7

    # When
    result = call_with_retries(connect("redis://localhost"), fail_once)

    # Then
    assert result == 7
