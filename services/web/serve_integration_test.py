"""The one-command start: real processes, real HTTP."""

import signal
from pathlib import Path

import redis

from libs.processes.testing import have_ended
from services.web.testing import tracker


def test_should_go_on_counting_after_everything_was_killed(data_dir: Path) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as first:
        views = [first.view() for _ in range(3)]
        family = first.family()
        for process in reversed(family):
            process.kill()
        assert have_ended(family)

    # When
    with tracker(f"--data-dir={data_dir}") as second:
        views.append(second.view())
        status = second.stop(signal.SIGINT)

    # Then
    assert views == [f"This page has been seen {number} times." for number in (1, 2, 3, 4)]
    assert status == 0
    assert first.banner.endswith(f"(its data lies in {data_dir})\n")


def test_should_serve_on_the_given_redis(redis_url: str, redis_client: redis.Redis) -> None:
    # When
    with tracker(REDIS_URL=redis_url) as started:
        started.view()
        status = started.stop(signal.SIGTERM)

    # Then
    assert redis_client.get("page_views") == b"1"
    assert status == 0
    assert started.banner.endswith("(its data lies in the Redis that REDIS_URL names)\n")


def test_should_stop_when_its_redis_dies(data_dir: Path) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as started:
        family = started.family()
        embedded = next(process for process in family if process.name() == "valkey-server")

        # When
        embedded.kill()
        status = started.process.wait(5)

    # Then
    assert status == 1
    assert have_ended(family)
