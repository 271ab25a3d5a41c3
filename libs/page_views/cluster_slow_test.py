"""Tests that views are counted exactly once in a Redis Cluster that fails or moves its slots."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from libs.page_views.counting import (
    COUNT_ONCE,
    NONCE_SECONDS,
    PAGE_VIEWS_KEY,
    PageViewCounter,
    new_nonce_key,
)
from libs.page_views.failover_testing import visitors
from libs.page_views.readiness import why_not_ready
from libs.processes.testing import paused, wait_until
from libs.redis_access.cluster_testing import (
    FAILOVER_SECONDS,
    Node,
    NodeCluster,
    move_atomically,
    move_by_key,
)
from libs.redis_access.connection import connect
from libs.redis_access.durability import why_data_could_be_lost
from libs.redis_access.retries import call_with_retries

ANSWER_SECONDS = 1.0


@pytest.fixture(name="cluster")
def _cluster(data_dir: Path) -> Iterator[NodeCluster]:
    with contextlib.ExitStack() as stack:
        yield NodeCluster(stack, data_dir, PAGE_VIEWS_KEY)


@pytest.fixture(name="client")
def _client(cluster: NodeCluster) -> Iterator[redis.Redis]:
    with contextlib.closing(connect(cluster.url, key=PAGE_VIEWS_KEY)) as client:
        yield client


def test_should_check_all_nodes(cluster: NodeCluster, client: redis.Redis) -> None:
    assert why_not_ready(client) is None
    assert not why_data_could_be_lost(client)
    assert "Redis has 0 replicas" in why_data_could_be_lost(client, replicas=1)[0]
    cluster.other.client.config_set("appendonly", "no")
    assert "no append-only file" in why_data_could_be_lost(client)[0]


def count_once(client: redis.Redis, nonce_key: str) -> int:
    """Return the number of the view with this nonce, as its first attempt and its retries do."""
    keys = (PAGE_VIEWS_KEY, nonce_key)
    return int(
        call_with_retries(client, lambda _: client.eval(COUNT_ONCE, 2, *keys, NONCE_SECONDS)[0])
    )


@pytest.mark.parametrize("move", [move_atomically, move_by_key])
def test_should_lose_nothing_when_the_slot_moves(
    cluster: NodeCluster, client: redis.Redis, move: Callable[[Node, Node, str], None]
) -> None:
    # Given
    nonce_key = new_nonce_key()
    number = count_once(client, nonce_key)
    with visitors(PageViewCounter(client)) as seen:
        wait_until(lambda: len(seen.numbers) > 1000, "views")

        # When
        move(cluster.primary, cluster.other, PAGE_VIEWS_KEY)

        # Then
        before = len(seen.numbers)
        wait_until(lambda: len(seen.numbers) > before + 1000, "more views")
    assert count_once(client, nonce_key) == number, "a repeated view was counted twice"
    seen.numbers.append(number)
    seen.check(stored=int(cluster.other.client.get(PAGE_VIEWS_KEY) or 0))
    assert max(seen.seconds) < ANSWER_SECONDS
    if move is move_atomically:
        assert not seen.failures


def test_should_lose_no_acknowledged_view_when_the_primary_is_killed(
    cluster: NodeCluster, client: redis.Redis
) -> None:
    # Given
    with visitors(PageViewCounter(client, replicas=1)) as seen:
        wait_until(lambda: len(seen.numbers) > 100, "views")

        # When
        cluster.primary.refuse_replicas()
        wait_until(lambda: bool(seen.failures), "a view that no replica has")
        cluster.primary.kill()
        wait_until(lambda: cluster.replica.role() == "master", "the failover", FAILOVER_SECONDS)
        cluster.primary.start()

        # Then
        before = len(seen.numbers)
        wait_until(lambda: len(seen.numbers) > before + 100, "more views", FAILOVER_SECONDS)
    seen.check(stored=int(cluster.replica.client.get(PAGE_VIEWS_KEY) or 0))
    assert max(seen.seconds) < ANSWER_SECONDS


@contextlib.contextmanager
def killed(nodes: list[Node]) -> Iterator[None]:
    """Kill the servers; start them again at the end."""
    for node in nodes:
        node.kill()
    yield
    for node in nodes:
        node.start()


@contextlib.contextmanager
def hanging(nodes: list[Node]) -> Iterator[None]:
    """Pause the servers until the end."""
    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.enter_context(paused(node.server.process.pid))
        yield


@pytest.mark.parametrize("outage", [killed, hanging])
def test_should_fail_in_time_and_come_back_when_all_nodes_do(
    cluster: NodeCluster,
    client: redis.Redis,
    outage: Callable[[list[Node]], contextlib.AbstractContextManager[None]],
) -> None:
    # Given
    with visitors(PageViewCounter(client)) as seen:
        wait_until(lambda: len(seen.numbers) > 100, "views")

        # When
        with outage(cluster.nodes):
            wait_until(lambda: len(seen.failures) > 100, "failures")

        # Then
        before = len(seen.numbers)
        wait_until(lambda: len(seen.numbers) > before + 100, "more views", FAILOVER_SECONDS)
    seen.check(stored=int(cluster.primary.client.get(PAGE_VIEWS_KEY) or 0))
    assert max(seen.seconds) < ANSWER_SECONDS
