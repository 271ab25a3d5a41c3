"""Tests of how a client finds its node; libs/page_views/cluster_slow_test.py has a real cluster."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from libs.redis_access import cluster
from libs.redis_access.connection import connect
from libs.redis_access.fault_proxy import FaultProxy, fault_proxy
from libs.redis_access.retries import WAIT_SECONDS

NOBODY = "127.0.0.1:1"


@pytest.fixture(name="node")
def _node(redis_socket: Path) -> Iterator[FaultProxy]:
    """Yield the address of a Redis that has all keys."""
    with fault_proxy(redis_socket) as proxy:
        yield proxy


def test_should_pass_over_nodes_that_do_not_answer(node: FaultProxy) -> None:
    url = f"redis+cluster://{NOBODY},{NOBODY},{address(node)}"
    with contextlib.closing(connect(url)) as client:
        for _ in range(10):
            assert client.ping()
            client.connection_pool.disconnect()


@pytest.mark.parametrize("nodes", [1, 9])
def test_should_give_up_in_time_when_no_node_answers(node: FaultProxy, nodes: int) -> None:
    # Given
    node.swallow()
    with contextlib.closing(
        connect("redis+cluster://" + ",".join([address(node)] * nodes))
    ) as client:
        # When
        begin = time.monotonic()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        seconds = time.monotonic() - begin

    # Then
    assert seconds < 3 * WAIT_SECONDS


def test_should_remember_a_node_that_took_too_long_to_find(
    node: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 0)
    with contextlib.closing(connect(f"redis+cluster://{address(node)}")) as client:
        with pytest.raises(redis.TimeoutError):
            client.ping()
        assert client.ping()


def test_should_give_the_password_to_every_node(
    node: FaultProxy, redis_client: redis.Redis, tmp_path: Path
) -> None:
    # Given
    redis_client.config_set("requirepass", "secret")
    file = tmp_path / "password"
    file.write_text("secret\n", encoding="utf-8")
    with contextlib.closing(connect(f"redis+cluster://{address(node)}", str(file))) as client:
        # When
        answered = client.ping()
        client.connection_pool.disconnect()
        file.write_text("wrong\n", encoding="utf-8")
        with pytest.raises(redis.AuthenticationError):
            client.ping()
    redis_client.config_set("requirepass", "")

    # Then
    assert answered


def address(node: FaultProxy) -> str:
    """Return the host and port of a node."""
    return node.url.removeprefix("redis://")
