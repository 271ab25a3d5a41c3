"""Tests of how a client finds its nodes, with a cluster of one.

libs/page_views/cluster_slow_test.py has several.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from libs.processes.testing import wait_until
from libs.redis_access import cluster_nodes
from libs.redis_access.cluster_nodes import SLOTS
from libs.redis_access.cluster_testing import free_ports
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis, embedded_redis
from libs.redis_access.fault_proxy import FaultProxy, fault_proxy
from libs.redis_access.retries import WAIT_SECONDS
from libs.redis_access.testing import DATA_ROOT

NOBODY = "127.0.0.1:1"


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[EmbeddedRedis]:
    """Yield a node that has all slots."""
    port, bus_port = free_ports(2)
    options = ["--port", port, "--cluster-enabled", "yes", "--cluster-port", bus_port]
    with (
        tempfile.TemporaryDirectory(dir=DATA_ROOT) as directory,
        embedded_redis(Path(directory), *map(str, options)) as server,
    ):
        with contextlib.closing(connect(server.url)) as client:
            client.cluster("ADDSLOTSRANGE", 0, SLOTS - 1)
            wait_until(lambda: client.cluster("INFO")["cluster_state"] == "ok", "the cluster")
        yield server


@pytest.fixture(name="direct_client")
def _direct_client(server: EmbeddedRedis) -> Iterator[redis.Redis]:
    """Yield a client of the empty node that need not find it."""
    with contextlib.closing(connect(server.url)) as client:
        client.flushall()
        yield client


@pytest.fixture(name="node")
def _node(server: EmbeddedRedis, direct_client: redis.Redis) -> Iterator[FaultProxy]:
    """Yield the only address of the node that it tells."""
    with fault_proxy(Path(server.url.removeprefix("unix://"))) as proxy:
        direct_client.config_set("cluster-announce-port", address(proxy).partition(":")[2])
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
    monkeypatch.setattr(cluster_nodes, "WAIT_SECONDS", 0)
    with contextlib.closing(connect(f"redis+cluster://{address(node)}")) as client:
        with pytest.raises(redis.TimeoutError):
            client.ping()
        assert client.ping()


def test_should_give_the_password_to_every_node(
    node: FaultProxy, direct_client: redis.Redis, tmp_path: Path
) -> None:
    # Given
    direct_client.config_set("requirepass", "secret")
    file = tmp_path / "password"
    file.write_text("secret\n", encoding="utf-8")
    with contextlib.closing(connect(f"redis+cluster://{address(node)}", str(file))) as client:
        # When
        answered = client.ping()
        client.connection_pool.disconnect()
        file.write_text("wrong\n", encoding="utf-8")
        with pytest.raises(redis.AuthenticationError):
            client.ping()
    direct_client.config_set("requirepass", "")

    # Then
    assert answered


def test_should_refuse_what_is_about_no_key(node: FaultProxy) -> None:
    with contextlib.closing(connect(f"redis+cluster://{address(node)}")) as client:
        with pytest.raises(TypeError, match="WAIT has no key"):
            client.wait(1, 10)


def address(node: FaultProxy) -> str:
    """Return the host and port of a node."""
    return node.url.removeprefix("redis://")
