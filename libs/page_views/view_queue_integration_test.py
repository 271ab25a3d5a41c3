"""Tests of views that wait while Redis is away."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from libs.page_views import view_queue
from libs.page_views.reading import Count, drops, totals
from libs.page_views.recording import COUNTED, Recorder, View
from libs.page_views.registry import Site, add_site, find_site
from libs.page_views.view_queue import Queue, QueueFull
from libs.page_views.visitors import Client
from libs.processes.testing import wait_until
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis


def view(path: str = "/a") -> View:
    """Return a view of this moment by nobody."""
    return View(path, time.time())


@pytest.fixture(name="client")
def _client(data_dir: Path) -> Iterator[redis.Redis]:
    """Yield a client of a Redis that has a site, and is away."""
    with embedded_redis(data_dir) as server, contextlib.closing(connect(server.url)) as client:
        add_site(client, "example.org")
    with contextlib.closing(connect(server.url)) as client:
        yield client


@pytest.fixture(name="queue")
def _queue(client: redis.Redis) -> Iterator[Queue]:
    with contextlib.closing(Queue(Recorder(client))) as queue:
        yield queue


def test_should_record_waiting_views_once_when_redis_is_back(
    queue: Queue, client: redis.Redis, data_dir: Path
) -> None:
    # Given: views that Redis cannot take, one of them sent twice
    views = [view(f"/{i}") for i in range(3)]
    assert queue.record("example.org", views) is None
    assert queue.record("example.org", views[:1]) is None
    assert queue.depth == 4
    assert queue.age_seconds() > 0
    assert queue.warnings() == ["views that wait for Redis: 4, the oldest for 0 s"]

    # When: it is back
    with embedded_redis(data_dir):
        wait_until(lambda: not queue.depth, "an empty queue")

        # Then: each is counted once, and new ones are recorded at once
        site = find_site(client, "example.org")
        assert totals(client, site) == Count(3)
        assert queue.record("example.org", [view()]) == [COUNTED]
        assert (queue.age_seconds(), queue.discarded, queue.warnings()) == (0, 0, [])


def test_should_send_views_together_that_waited(
    queue: Queue, client: redis.Redis, data_dir: Path
) -> None:
    # Given: more than come while one call is under way
    for _ in range(1_000):
        queue.record("example.org", [view()])

    # When
    with embedded_redis(data_dir):
        wait_until(lambda: not queue.depth, "an empty queue")

        # Then
        assert totals(client, find_site(client, "example.org")) == Count(1_000)
        calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        assert calls <= 20


def test_should_apply_the_rules_of_a_site_to_views_that_waited(data_dir: Path) -> None:
    # Given: views of a site that the process never knew
    with embedded_redis(data_dir) as server, contextlib.closing(connect(server.url)) as client:
        add_site(client, "example.org", ignored_networks="10.0.0.0/8", ignored_paths="/b")
    with contextlib.closing(connect(server.url)) as client:
        with contextlib.closing(Queue(Recorder(client))) as queue:
            ignored = View("/a", time.time(), Client(bytes([10, 0, 0, 1]), "browser"))
            assert queue.record("example.org", [ignored, view("/b"), view("/c")]) is None

            # When
            with embedded_redis(data_dir):
                wait_until(lambda: not queue.depth, "an empty queue")

                # Then
                site = find_site(client, "example.org")
                assert totals(client, site) == Count(1)
                assert drops(client, site) == {"ignored_address": 1, "ignored_path": 1}


def test_should_accept_views_at_once_while_others_wait(queue: Queue) -> None:
    queue.record("example.org", [view()])
    begin = time.perf_counter()
    for _ in range(100):
        assert queue.record("example.org", [view()]) is None
    assert time.perf_counter() - begin < 0.5


def test_should_refuse_more_views_than_it_has_room_for(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_queue, "MAX_VIEWS", 3)
    queue.record("example.org", [view(), view()])
    with pytest.raises(QueueFull):
        queue.record("example.org", [view(), view()])
    assert (queue.depth, queue.discarded) == (2, 2)
    assert queue.warnings()[1:] == ["views discarded since this process started: 2"]
    queue.record("example.org", [view()])


def test_should_discard_views_that_waited_too_long(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(view_queue, "MAX_SECONDS", 0)
    queue.record("example.org", [view()])
    wait_until(lambda: queue.discarded == 1, "a discarded view")
    assert queue.depth == 0
    assert "waiting views discarded: 1 (Redis was away for too long)" in caplog.text


def test_should_discard_views_of_a_site_that_is_not_registered(
    queue: Queue, data_dir: Path
) -> None:
    queue.record("unknown.example", [view()])
    with embedded_redis(data_dir):
        wait_until(lambda: queue.discarded == 1, "a discarded view")
    assert queue.depth == 0


def test_should_not_let_views_that_redis_refuses_hold_up_others(
    queue: Queue, client: redis.Redis, data_dir: Path
) -> None:
    # Given: views of two sites wait, and Redis cannot count those of the first
    with embedded_redis(data_dir):
        broken: Site = find_site(client, "example.org")
        other = add_site(client, "other.example")
        client.hset(f"{broken.key}:all", "views", "many")
        queue.record(broken.name, [view()])
        assert queue.depth == 1

        # When: a view of the other site comes
        queue.record(other.name, [view()])

        # Then: it is counted although the first still waits
        wait_until(lambda: totals(client, other).views == 1, "a counted view")
        wait_until(lambda: queue.depth == 1, "only the first to wait")


def test_should_say_how_many_views_are_lost_when_the_process_ends(
    client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    queue = Queue(Recorder(client))
    queue.record("example.org", [view(), view()])
    queue.close()
    assert (queue.depth, queue.discarded) == (0, 2)
    assert "waiting views discarded: 2 (the process ends)" in caplog.text
