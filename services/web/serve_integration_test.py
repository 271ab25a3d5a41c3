"""Tests of serve.py with real processes and real HTTP."""

import signal
from pathlib import Path

import pytest
import redis

from libs.processes.testing import wait_until_ended
from services.web.testing import tracker


def test_should_go_on_counting_after_everything_or_its_redis_was_killed(data_dir: Path) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as first:
        views = [first.view() for _ in range(3)]
        family = first.family()

        # When
        for process in reversed(family):
            process.kill()
        wait_until_ended(family)
    with tracker(f"--data-dir={data_dir}") as second:
        views.append(second.view())
        family = second.family()
        next(process for process in family if process.name() == "valkey-server").kill()
        status = second.process.wait(5)

    # Then
    assert views == [f"This page has been seen {number} times." for number in (1, 2, 3, 4)]
    assert first.banner.endswith(f"(data: {data_dir})\n")
    assert status == 1
    wait_until_ended(family)


def test_should_say_where_the_log_is_when_its_redis_stops(
    data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as started:
        redis_process = next(p for p in started.family() if p.name() == "valkey-server")

        # When
        redis_process.kill()
        started.process.wait(5)

    # Then
    assert (
        f"serve: the embedded Redis (its log is {data_dir}/redis.log) stopped with status -9\n"
        in capfd.readouterr().err
    )


def test_should_serve_on_the_given_redis_until_sigterm(
    redis_url: str, redis_client: redis.Redis
) -> None:
    with tracker(REDIS_URL=redis_url) as started:
        started.view()
        status = started.stop(signal.SIGTERM)
    assert redis_client.get("page_views") == b"1"
    assert started.banner.endswith("(data: the Redis that REDIS_URL names)\n")
    assert status == 0
