"""Know which node of a Redis Cluster has a key, and keep connections to each node.

redis-py's RedisCluster connects when it is created, and after a failure it sleeps and asks all
nodes, without a limit for the whole.
"""

import contextlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

from libs.redis_access.replies import text
from libs.redis_access.retries import POOL_SIZE, WAIT_SECONDS, SlotUnavailable

FIND_WAIT_SECONDS = WAIT_SECONDS / 3
"""The limit for each wait for a node that is asked: the connection, AUTH, the answer."""

SLOTS = 16384

_Address = tuple[str, int]


class Nodes(redis.ConnectionPool):
    """The connections of one process to the primaries of a cluster, a pool for each.

    A connection that this pool makes itself is to the primary that has a certain key.
    """

    def __init__(self, nodes: Sequence[_Address], key: str, options: Mapping[str, Any]) -> None:
        """Ask nodes who has which keys.

        options are those of redis.Redis, without its address; nodes are asked with the same, but
        they get less time.
        """
        super().__init__(connection_class=NodeConnection, **options, nodes=self)
        self._seeds = nodes
        self._key = key
        waits = {"socket_timeout": FIND_WAIT_SECONDS, "socket_connect_timeout": FIND_WAIT_SECONDS}
        self._asking = {**options, **waits}
        self._owners: list[_Address | None] = [None] * SLOTS
        self._doubtful: set[_Address] = set()
        self._clients: dict[_Address, redis.Redis] = {}

    def __repr__(self) -> str:
        return f"<the nodes of a cluster, such as {self._seeds[0]}>"

    def client_of(self, key: str | bytes | None = None) -> redis.Redis:
        """Return a client for the primary that has a key, by default the certain one.

        Asks a node if that is not known. This takes at most WAIT_SECONDS. If it takes longer, up to
        3 times that, it raises an error, so its caller need not hurry; what was found is remembered
        for the next call. Raises redis.RedisError.
        """
        slot = key_slot(_bytes(self._key if key is None else key))
        address = self._owners[slot]
        if address is None or address in self._doubtful:
            self._learn()
            address = self._owners[slot]
            if address is None:
                raise SlotUnavailable("no node of the cluster has this key")
        return self._client_at(address)

    def clients(self) -> list[redis.Redis]:
        """Return a client for each primary. Raises redis.RedisError, as client_of does."""
        if None in self._owners or self._doubtful:
            self._learn()
        return [self._client_at(address) for address in dict.fromkeys(self._owners) if address]

    def doubt(self, address: _Address) -> None:
        """Ask again who has the keys that this node had, when they are next wanted."""
        self._doubtful.add(address)

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """Return a connection to the primary that has the certain key."""
        return self.client_of().connection_pool.get_connection(*args, **options)

    def release(self, connection: Any) -> None:
        """Take back a connection of get_connection."""
        self._clients[connection.host, connection.port].connection_pool.release(connection)

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the connections to all nodes."""
        for client in list(self._clients.values()):
            client.connection_pool.disconnect(inuse_connections)

    def _client_at(self, address: _Address) -> redis.Redis:
        if address not in self._clients:
            host, port = address
            pool = redis.ConnectionPool(
                connection_class=self.connection_class,
                max_connections=POOL_SIZE,
                **{**self.connection_kwargs, "host": host, "port": port},
            )
            self._clients.setdefault(address, redis.Redis.from_pool(pool))
        return self._clients[address]

    def _learn(self) -> None:
        begin = time.monotonic()
        self._owners = self._find(begin + WAIT_SECONDS)
        self._doubtful = set()
        if time.monotonic() > begin + WAIT_SECONDS:
            raise redis.TimeoutError("it took too long to find the primary in the cluster")

    def _find(self, last_start: float) -> list[_Address | None]:
        """Return what the first node to answer says; ask none after last_start but the first."""
        seeds = random.sample(self._seeds, len(self._seeds))  # nosec B311  # not a secret
        while True:
            host, port = seeds.pop()
            try:
                with contextlib.closing(redis.Redis(host, port, **self._asking)) as node:
                    return _owners(node.execute_command("CLUSTER", "SLOTS"), host)
            except (redis.ConnectionError, redis.TimeoutError):
                if not seeds or time.monotonic() > last_start:
                    raise


class NodeConnection(redis.Connection):
    """A connection to a node, which tells when another may have the keys."""

    def __init__(self, nodes: Nodes, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # redis-py has no types here
        self._nodes = nodes

    def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        """Connect if this is not connected; redis-py calls it before every command."""
        with self._doubting():
            super().connect_check_health(check_health, retry_socket_connect)

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Return an answer; raise SlotUnavailable if another node has the keys, or none does."""
        with self._doubting():
            try:
                return super().read_response(*args, **options)
            except MovedError as error:
                self._nodes.doubt((self.host, self.port))
                raise SlotUnavailable(f"MOVED {error}") from error
            except (AskError, TryAgainError, ClusterDownError) as error:
                raise SlotUnavailable(f"{type(error).__name__}: {error}") from error

    @contextlib.contextmanager
    def _doubting(self) -> Iterator[None]:
        """Doubt the node if the connection fails, since another may have its keys now."""
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError):
            self._nodes.doubt((self.host, self.port))
            raise


def _owners(slots: Sequence[Sequence[Any]], asked: str) -> list[_Address | None]:
    """Return the primary of each slot from the answer to CLUSTER SLOTS of the node asked."""
    owners: list[_Address | None] = [None] * SLOTS
    for first, last, (host, port, *_), *_ in slots:
        # A node that does not know its own host gives none.
        owners[first : last + 1] = [(text(host or asked), port)] * (last + 1 - first)
    return owners


def _bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
