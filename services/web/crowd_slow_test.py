"""Tests that many slow clients, or many clients while Redis hangs, delay nobody else."""

import contextlib
import select
import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from libs.processes.testing import paused, wait_until
from services.web.testing import SORRY, Tracker, statuses, tracker

SLOW_CLIENTS = 200
VISITORS = 100
MANY = 3000  # requests that a client sends before it reads the answers
LIVE_SECONDS = 0.2  # within which /livez answers
PATIENCE = 2  # seconds that the server waits for a slow client; 5 in production
FULL_SECONDS = 40  # to answer what the buffers hold, on a busy machine

HOST = b" HTTP/1.1\r\nHost: x\r\n"
VIEW = b"GET /" + HOST + b"\r\n"
LIVE = b"GET /livez" + HOST + b"\r\n"


@pytest.fixture(name="started")
def _started(data_dir: Path) -> Iterator[Tracker]:
    keepalive = f"--keep-alive={PATIENCE}"
    with tracker(f"--data-dir={data_dir}", GUNICORN_CMD_ARGS=keepalive) as started:
        yield started


@pytest.fixture(name="stack")
def _stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /?",
        b"GET /" + HOST + b"X: ",
        b"POST /" + HOST + b"Content-Length: 60000\r\n\r\n",
        b"GET /" + HOST + b"Transfer-Encoding: chunked\r\n\r\nEA60\r\n",
        b"GET /" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
    ids=["request line", "header", "content", "chunk", "trailer"],
)
def test_should_answer_others_while_many_are_slow_and_cut_the_slow_off(
    started: Tracker, stack: contextlib.ExitStack, begin: bytes
) -> None:
    # Given
    slow = [stack.enter_context(started.connect()) for _ in range(SLOW_CLIENTS)]
    for client in slow:
        client.sendall(begin)

    # When
    seconds = [live_seconds(started) for _ in range(9)]
    view = started.view()
    still_open = [goes_on(client) for client in slow]
    wait_until(lambda: not any(map(goes_on, slow)), "the slow clients to be disconnected")

    # Then
    assert statistics.median(seconds) < LIVE_SECONDS
    assert view == "This page has been seen 1 times."
    assert all(still_open)


def test_should_answer_others_while_one_has_sent_many_requests(data_dir: Path) -> None:
    with (
        tracker(f"--data-dir={data_dir}", WEB_CONCURRENCY="1") as started,
        ThreadPoolExecutor() as executor,
    ):
        # When
        greedy = executor.submit(started.send, MANY * LIVE)
        others = [statuses(started.send(LIVE)) for _ in range(10)]

        # Then
        assert not greedy.done()
        assert others == 10 * [[200]]
        assert statuses(greedy.result()) == MANY * [200]


def test_should_cut_off_who_does_not_receive_the_answers(started: Tracker) -> None:
    with started.connect(receive_buffer_bytes=1024) as client:
        client.setblocking(False)
        wait_until(lambda: not takes_more(client), "the connection to be full")
        wait_until(lambda: is_reset(client), "the client to be disconnected", FULL_SECONDS)


def test_should_stay_live_while_redis_hangs_and_many_wait(
    started: Tracker, stack: contextlib.ExitStack
) -> None:
    # Given
    started.view()
    visitors = [stack.enter_context(started.connect()) for _ in range(VISITORS)]
    redis_process = next(p for p in started.family() if p.name() == "valkey-server")
    seconds = []
    with paused(redis_process.pid):
        # When
        for visitor in visitors:
            visitor.sendall(VIEW)
        while len(select.select(visitors, [], [], 0)[0]) < VISITORS:
            seconds.append(live_seconds(started))

    # Then
    # Weigh each by its length: while one is slow, there are few others.
    slow_seconds = sum(each for each in seconds if each > LIVE_SECONDS)
    assert slow_seconds < sum(seconds) / 2
    for visitor in visitors:
        answer = b""
        while SORRY.encode() not in answer:
            answer += visitor.recv(4096)


def live_seconds(started: Tracker) -> float:
    """Return how long /livez takes to answer."""
    begin = time.monotonic()
    assert statuses(started.send(LIVE)) == [200]
    return time.monotonic() - begin


def goes_on(client: socket.socket) -> bool:
    """Send another byte; return whether the connection is still open."""
    with contextlib.suppress(ConnectionError):
        client.setblocking(False)
        client.send(b"x")
        try:
            return client.recv(4096) != b""
        except BlockingIOError:
            return True
    return False


def takes_more(client: socket.socket) -> bool:
    """Send more requests; return whether the server may receive more."""
    try:
        return client.send(100 * LIVE) > 0
    except BlockingIOError:
        return False


def is_reset(client: socket.socket) -> bool:
    """Return whether the server has reset the connection, without receiving what it sent."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
