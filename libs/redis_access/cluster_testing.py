"""Run the servers of a Redis Cluster in tests."""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from libs.processes.testing import wait_until
from libs.redis_access.cluster_nodes import SLOTS
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.testing import DATA_ROOT

FAILOVER_SECONDS = 30
"""How long a test waits for servers to agree on a primary."""

PRIMARIES = 3


class Node:
    """A node of the cluster, which keeps its data and addresses when it is started again."""

    def __init__(self, data_dir: Path, port: int, bus_port: int) -> None:
        self._data_dir = data_dir
        self._running = contextlib.ExitStack()
        self.port = port
        self.bus_port = bus_port
        self.start()
        self.client = connect(self.server.url, wait_seconds=10)
        self.id = self.client.cluster("MYID").decode()

    def start(self) -> None:
        """Start the server."""
        options = f"--port {self.port} --cluster-enabled yes --cluster-port {self.bus_port}"
        options += " --cluster-node-timeout 1000 --repl-diskless-sync-delay 0"
        self.server = self._running.enter_context(embedded_redis(self._data_dir, *options.split()))

    def has(self, key: str) -> bool:
        """Return whether the node is the primary that has a key."""
        with contextlib.suppress(MovedError):
            return bool(self.client.exists(key))
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


class NodeCluster:
    """Three primaries, and a replica of the one that has a key."""

    def __init__(self, stack: contextlib.ExitStack, directory: Path, key: str) -> None:
        self.nodes: list[Node] = []
        ports = free_ports(2 * (PRIMARIES + 1))
        for epoch, port in enumerate(ports[::2], start=1):
            node = Node(directory / str(port), port, bus_port=ports[2 * epoch - 1])
            stack.callback(node.close)
            node.client.cluster("SET-CONFIG-EPOCH", epoch)  # distinct ones allow a failover
            self.nodes.append(node)
        *primaries, self.replica = self.nodes
        self.primaries = primaries
        owner = key_slot(key.encode()) * PRIMARIES // SLOTS
        self.primary = primaries[owner]
        self.other = primaries[owner - 1]
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

    def primary_of(self, key: str) -> Node:
        """Return the node that has a key which exists."""
        return next(node for node in self.nodes if node.has(key))

    def move_of(self, key: str) -> tuple[Node, Node]:
        """Return the node that has a key which exists, and one to which it may be moved."""
        source = self.primary_of(key)
        return source, next(node for node in self.primaries if node is not source)


@contextlib.contextmanager
def running_cluster(key: str) -> Iterator[NodeCluster]:
    """Run a cluster in which the primary that has a key has a replica."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(dir=DATA_ROOT))
        yield NodeCluster(stack, Path(directory), key)


@pytest.fixture
def cluster_url() -> Iterator[str]:
    """Yield the URL of a cluster of the test's own."""
    with running_cluster("") as cluster:
        yield cluster.url


def move_atomically(source: Node, target: Node, key: str) -> None:
    """Move the slot of a key that exists, as Valkey 9 does."""
    slot = key_slot(key.encode())
    source.client.cluster("MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
    wait_until(lambda: target.has(key), "the slot")


def move_by_key(source: Node, target: Node, key: str) -> None:
    """Move the slot of a key, as every release can."""
    slot = key_slot(key.encode())
    target.client.cluster("SETSLOT", slot, "IMPORTING", source.id)
    source.client.cluster("SETSLOT", slot, "MIGRATING", target.id)
    while keys := source.client.cluster("GETKEYSINSLOT", slot, 10):
        source.client.migrate("127.0.0.1", target.port, keys, 0, timeout=1000)
    for node in (target, source):
        node.client.cluster("SETSLOT", slot, "NODE", target.id)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [listener.getsockname()[1] for listener in listeners]
