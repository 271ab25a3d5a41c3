"""Tests that page views are counted exactly once in a real Redis, even when it fails."""

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from libs.page_views.counting import PAGE_VIEWS_KEY, PageViewCounter
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.fault_proxy import Fault, fault_proxy
from libs.redis_access.retries import ATTEMPTS

ANSWER_SECONDS = 1.0
THREADS = 8


def test_should_count_from_one(redis_client: redis.Redis) -> None:
    counter = PageViewCounter(redis_client)
    numbers = [counter.count() for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert redis_client.get(PAGE_VIEWS_KEY) == b"3"


@pytest.mark.parametrize("start", [4, -1, 2**53])
def test_should_go_on_from_a_number_set_by_hand(redis_client: redis.Redis, start: int) -> None:
    redis_client.set(PAGE_VIEWS_KEY, start)
    number = PageViewCounter(redis_client).count()
    assert number == start + 1
    assert redis_client.get(PAGE_VIEWS_KEY) == str(start + 1).encode()


@pytest.mark.parametrize("value", ["many", "1.5", str(2**63 - 1)])
def test_should_refuse_what_is_not_a_countable_integer(
    redis_client: redis.Redis, value: str
) -> None:
    redis_client.set(PAGE_VIEWS_KEY, value)
    with pytest.raises(redis.ResponseError):
        PageViewCounter(redis_client).count()
    assert redis_client.get(PAGE_VIEWS_KEY) == value.encode()
    assert redis_client.dbsize() == 1


def test_should_lose_nothing_when_redis_is_full(redis_client: redis.Redis) -> None:
    redis_client.set(PAGE_VIEWS_KEY, 4)
    redis_client.config_set("maxmemory", 1)
    with pytest.raises(redis.OutOfMemoryError):
        PageViewCounter(redis_client).count()
    redis_client.config_set("maxmemory", 0)
    assert PageViewCounter(redis_client).count() == 5


def test_should_lose_nothing_when_redis_is_read_only(redis_client: redis.Redis) -> None:
    redis_client.set(PAGE_VIEWS_KEY, 4)
    redis_client.replicaof("127.0.0.1", "1")
    with pytest.raises(redis.ReadOnlyError):
        PageViewCounter(redis_client).count()
    redis_client.replicaof("NO", "ONE")
    assert PageViewCounter(redis_client).count() == 5


def test_should_count_at_the_new_primary_after_one_error(
    redis_client: redis.Redis, data_dir: Path, redis_socket: Path
) -> None:
    # Given
    address = data_dir / "address.sock"
    address.symlink_to(redis_socket)
    with embedded_redis(data_dir) as promoted, contextlib.ExitStack() as stack:
        new_primary = stack.enter_context(contextlib.closing(connect(promoted.url)))
        new_primary.set(PAGE_VIEWS_KEY, 10)
        client = stack.enter_context(contextlib.closing(connect(f"unix://{address}")))
        counter = PageViewCounter(client)
        pool = client.connection_pool
        for connection in [pool.get_connection() for _ in range(3)]:
            pool.release(connection)

        # When
        redis_client.replicaof("127.0.0.1", "1")
        address.unlink()
        address.symlink_to(promoted.url.removeprefix("unix://"))
        with pytest.raises(redis.ReadOnlyError):
            counter.count()
        numbers = [counter.count() for _ in range(3)]
        redis_client.replicaof("NO", "ONE")

    # Then
    assert numbers == [11, 12, 13]


def test_should_use_one_round_trip(redis_client: redis.Redis) -> None:
    # Given
    PageViewCounter(redis_client).count()
    redis_client.script_flush()
    before = redis_client.info("stats")["total_commands_processed"]

    # When
    PageViewCounter(redis_client).count()

    # Then
    after = redis_client.info("stats")["total_commands_processed"]
    inside_the_script = 4
    assert after - before == 1 + 1 + inside_the_script  # the first INFO, EVAL


def test_should_connect_anew_in_a_forked_process(redis_client: redis.Redis) -> None:
    # Given
    counter = PageViewCounter(redis_client)
    parent_connection = redis_client.client_id()
    reader, writer = os.pipe()

    # When
    child = os.fork()
    if child == 0:
        with contextlib.suppress(redis.RedisError):
            os.write(writer, f"{redis_client.client_id()} {counter.count()}".encode())
        os._exit(0)  # pylint: disable=protected-access  # the documented way for a forked child
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        child_connection, child_number = map(int, pipe.read().split())

    # Then
    assert child_connection != parent_connection
    assert [child_number, counter.count()] == [1, 2]
    assert redis_client.client_id() == parent_connection


def seconds_to_fail(url: str) -> list[float]:
    """Count a view in each of several threads that share one client; return how long each took."""

    def fail(counter: PageViewCounter) -> float:
        begin = time.monotonic()
        with pytest.raises(redis.RedisError):
            counter.count()
        return time.monotonic() - begin

    with contextlib.closing(connect(url)) as client, ThreadPoolExecutor(THREADS) as executor:
        return list(executor.map(fail, [PageViewCounter(client)] * THREADS))


@pytest.mark.parametrize(
    ("fault", "stored"), [(Fault.REPLY_LOST, 1), (Fault.RESET_AFTER, 1), (Fault.RESET_BEFORE, 0)]
)
def test_should_fail_in_time_when_the_network_always_fails(
    redis_client: redis.Redis, redis_socket: Path, fault: Fault, stored: int
) -> None:
    with fault_proxy(redis_socket) as proxy:
        proxy.choose_fault = lambda: fault
        seconds = seconds_to_fail(proxy.url)
    assert max(seconds) < ANSWER_SECONDS
    assert int(redis_client.get(PAGE_VIEWS_KEY) or 0) == stored * THREADS


def test_should_show_the_same_number_after_a_lost_reply(
    redis_client: redis.Redis, redis_socket: Path
) -> None:
    # Given
    redis_client.set(PAGE_VIEWS_KEY, 4)
    faults = iter([Fault.REPLY_LOST] * (ATTEMPTS - 1) + [Fault.NONE])

    # When
    with fault_proxy(redis_socket) as proxy:
        proxy.choose_fault = lambda: next(faults)
        with contextlib.closing(connect(proxy.url)) as client:
            number = PageViewCounter(client).count()

    # Then
    assert number == 5
    assert redis_client.get(PAGE_VIEWS_KEY) == b"5"


def test_should_fail_in_time_when_the_connection_is_refused() -> None:
    assert max(seconds_to_fail("redis://127.0.0.1:1")) < ANSWER_SECONDS
