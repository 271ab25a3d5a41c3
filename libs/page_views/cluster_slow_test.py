"""Tests that views are counted exactly once in a Redis Cluster that fails or moves its slots."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from libs.page_views.counting import (
    COUNT_ONCE,
    NONCE_SECONDS,
    PAGE_VIEWS_KEY,
    PageViewCounter,
    new_nonce_key,
)
from libs.page_views.failover_testing import FAILOVER_SECONDS, free_ports, visitors
from libs.page_views.readiness import why_not_ready
from libs.processes.testing import paused, wait_until
from libs.redis_access.connection import connect
from libs.redis_access.durability import why_data_could_be_lost
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.retries import call_with_retries

ANSWER_SECONDS = 1.0
SLOT = key_slot(PAGE_VIEWS_KEY.encode())
SLOTS = 16384
PRIMARIES = 3


class Node:
    """A node of the cluster, which keeps its data and addresses when it is started again."""

    def __init__(self, data_dir: Path, port: int, bus_port: int) -> None:
        self._data_dir = data_dir
        self._running = contextlib.ExitStack()
        self.port = port
        self.bus_port = bus_port
        self.start()
        self.client = connect(self.server.url)
        self.id = self.client.cluster("MYID").decode()

    def start(self) -> None:
        """Start the server."""
        options = f"--port {self.port} --cluster-enabled yes --cluster-port {self.bus_port}"
        options += " --cluster-node-timeout 1000 --repl-diskless-sync-delay 0"
        self.server = self._running.enter_context(embedded_redis(self._data_dir, *options.split()))

    def has_counter(self) -> bool:
        """Return whether the node is the primary that has the counter."""
        with contextlib.suppress(MovedError):
            return bool(self.client.get(PAGE_VIEWS_KEY))
        return False

    def refuse_replicas(self) -> None:
        """Let replicas miss what is stored from now on, until the server is started again."""
        self.client.acl_setuser("default", commands=["-psync"])
        self.client.client_kill_filter(_type="replica")

    def kill(self) -> None:
        """Kill the server."""
        self.server.process.kill()
        self._running.close()

    def close(self) -> None:
        """Stop the server for good."""
        self.client.close()
        self._running.close()

    def serves(self, nodes: int) -> bool:
        """Return whether the node knows that many nodes and takes commands."""
        state = self.client.cluster("INFO")
        return (state["cluster_known_nodes"], state["cluster_state"]) == (str(nodes), "ok")

    def role(self) -> str:
        """Return the node's role: master, slave, or slave in step."""
        with contextlib.suppress(redis.ConnectionError):  # its clients are disconnected then
            state = self.client.info("replication")
            in_step = " in step" if state.get("master_link_status") == "up" else ""
            return str(state["role"]) + in_step
        return "unknown"


class Cluster:
    """Three primaries, and a replica of the one that has the counter."""

    def __init__(self, stack: contextlib.ExitStack, directory: Path) -> None:
        self.nodes = []
        ports = free_ports(2 * (PRIMARIES + 1))
        for epoch, port in enumerate(ports[::2], start=1):
            node = Node(directory / str(port), port, bus_port=ports[2 * epoch - 1])
            stack.callback(node.close)
            node.client.cluster("SET-CONFIG-EPOCH", epoch)  # distinct ones allow a failover
            self.nodes.append(node)
        *primaries, self.replica = self.nodes
        self.primary = primaries[SLOT * PRIMARIES // SLOTS]
        self.other = primaries[SLOT * PRIMARIES // SLOTS - 1]
        for node in self.nodes:
            self.primary.client.cluster("MEET", "127.0.0.1", node.port, node.bus_port)
        bounds = [SLOTS * number // PRIMARIES for number in range(PRIMARIES + 1)]
        for node, first, end in zip(primaries, bounds, bounds[1:]):
            node.client.cluster("ADDSLOTSRANGE", first, end - 1)
        wait_until(self.serves, "the cluster", FAILOVER_SECONDS)
        self.replica.client.cluster("REPLICATE", self.primary.id)
        wait_until(lambda: self.replica.role() == "slave in step", "the replica", FAILOVER_SECONDS)
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def serves(self) -> bool:
        """Return whether all nodes know each other and serve."""
        return all(node.serves(len(self.nodes)) for node in self.nodes)


@pytest.fixture(name="cluster")
def _cluster(data_dir: Path) -> Iterator[Cluster]:
    with contextlib.ExitStack() as stack:
        yield Cluster(stack, data_dir)


@pytest.fixture(name="client")
def _client(cluster: Cluster) -> Iterator[redis.Redis]:
    with contextlib.closing(connect(cluster.url, key=PAGE_VIEWS_KEY)) as client:
        yield client


def test_should_check_the_node_that_has_the_counter(client: redis.Redis) -> None:
    assert why_not_ready(client) is None
    assert not why_data_could_be_lost(client, replicas=1)


def move_atomically(source: Node, target: Node) -> None:
    """Move the slot as Valkey 9 does."""
    source.client.cluster("MIGRATESLOTS", "SLOTSRANGE", SLOT, SLOT, "NODE", target.id)
    wait_until(target.has_counter, "the slot")


def move_by_key(source: Node, target: Node) -> None:
    """Move the slot as every release can."""
    target.client.cluster("SETSLOT", SLOT, "IMPORTING", source.id)
    source.client.cluster("SETSLOT", SLOT, "MIGRATING", target.id)
    while keys := source.client.cluster("GETKEYSINSLOT", SLOT, 10):
        source.client.migrate("127.0.0.1", target.port, keys, 0, timeout=1000)
    for node in (target, source):
        node.client.cluster("SETSLOT", SLOT, "NODE", target.id)


def count_once(client: redis.Redis, nonce_key: str) -> int:
    """Return the number of the view with this nonce, as its first attempt and its retries do."""
    keys = (PAGE_VIEWS_KEY, nonce_key)
    return int(
        call_with_retries(client, lambda _: client.eval(COUNT_ONCE, 2, *keys, NONCE_SECONDS)[0])
    )


@pytest.mark.parametrize("move", [move_atomically, move_by_key])
def test_should_lose_nothing_when_the_slot_moves(
    cluster: Cluster, client: redis.Redis, move: Callable[[Node, Node], None]
) -> None:
    # Given
    nonce_key = new_nonce_key()
    number = count_once(client, nonce_key)
    with visitors(PageViewCounter(client)) as seen:
        wait_until(lambda: len(seen.numbers) > 1000, "views")

        # When
        move(cluster.primary, cluster.other)

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
    cluster: Cluster, client: redis.Redis
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
    cluster: Cluster,
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
