"""Tests of serve.py with real processes and real HTTP."""

import contextlib
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from libs.processes.testing import wait_until, wait_until_ended
from services.web.testing import tracker

SLOW_CLIENTS = 100


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


def test_should_answer_others_while_many_are_slow_and_cut_the_slow_off(data_dir: Path) -> None:
    # Given
    with (
        tracker(f"--data-dir={data_dir}", GUNICORN_CMD_ARGS="--keep-alive=2") as started,
        contextlib.ExitStack() as stack,
    ):
        address = urlsplit(started.url)
        slow = [
            stack.enter_context(socket.create_connection((address.hostname, address.port or 0), 5))
            for _ in range(SLOW_CLIENTS)
        ]
        for client in slow:
            client.sendall(b"GET / HTTP/1.1\r\nHost: slow\r\n")

        # When
        view = started.view()
        still_open = [goes_on(client) for client in slow]
        wait_until(lambda: not any(map(goes_on, slow)), "the slow clients to be disconnected")

    # Then
    assert view == "This page has been seen 1 times."
    assert all(still_open)


def goes_on(client: socket.socket) -> bool:
    """Send another header line; return whether the connection is still open."""
    with contextlib.suppress(OSError):
        client.sendall(b"X-Header: value\r\n")
        client.setblocking(False)
        try:
            return client.recv(1) != b""
        except BlockingIOError:
            return True
    return False


def test_should_serve_on_the_given_redis_until_sigterm(
    redis_url: str, redis_client: redis.Redis
) -> None:
    with tracker(REDIS_URL=redis_url) as started:
        started.view()
        status = started.stop(signal.SIGTERM)
    assert redis_client.get("page_views") == b"1"
    assert started.banner.endswith("(data: the Redis that REDIS_URL names)\n")
    assert status == 0
