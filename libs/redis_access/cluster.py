"""Send commands to the nodes of a Redis Cluster that have their keys.

The client is an ordinary one for its callers. A command, a script or a transaction of keys in one
slot works as on one server. A pipeline may have keys in several: then it takes a round trip for
each node, and a transaction is one for each slot.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import redis
from redis.client import Pipeline
from redis.crc import key_slot

from libs.redis_access.cluster_nodes import Nodes
from libs.redis_access.retries import SlotUnavailable

_SCRIPTS = ("EVAL", "EVALSHA")
_WITH_SUBCOMMAND = ("OBJECT", "MEMORY")
_WITHOUT_KEYS = ("ACL", "CLIENT", "CLUSTER", "CONFIG", "INFO", "PING", "SCAN", "SCRIPT", "TIME")


def client_of(client: redis.Redis, key: str) -> redis.Redis:
    """Return a client for the server that has a key now: in a cluster its node, else client itself.

    Use it for what a node cannot do for others, such as SCAN or WAIT, and for calls that should
    fail apart from those to other nodes. Ask again for each attempt. Raises redis.RedisError.
    """
    return client.nodes.client_of(key) if isinstance(client, Cluster) else client


def clients_of_all(client: redis.Redis) -> list[redis.Redis]:
    """Return a client for each primary of a cluster, else client itself.

    Raises redis.RedisError.
    """
    return client.nodes.clients() if isinstance(client, Cluster) else [client]


def scan(client: redis.Redis, key: str, pattern: str, kind: str | None = None) -> list[bytes | str]:
    """Return all keys that match a pattern, which must be in the slot of key.

    kind may be a type of Redis, such as "hash". Raises redis.RedisError.
    """
    node = client_of(client, key)
    found = list(node.scan_iter(pattern, count=1000, _type=kind))
    if node is not client:
        # Where a slot is no more, SCAN finds nothing. This fails there, and while the slot moves
        # key by key, because there is no such key.
        node.exists(f"{key}:nothing")
    return found


class Cluster(redis.Redis):
    """A client for all keys of a cluster."""

    def __init__(self, nodes: Nodes) -> None:
        super().__init__(connection_pool=nodes)
        self.auto_close_connection_pool = True  # as that of redis.Redis.from_pool
        self.nodes = nodes

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute a command where its first key is, also if that has just moved."""
        key = _key_of(args)
        try:
            return self._execute_at(key, *args, **options)
        except SlotUnavailable:
            return self._execute_at(key, *args, **options)

    def _execute_at(self, key: str | bytes | None, *args: Any, **options: Any) -> Any:
        node: Any = self.nodes.client_of(key)  # redis-py has no types here
        return node.execute_command(*args, **options)

    # pylint: disable-next=unused-argument  # redis-py passes it
    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        """Return a pipeline for keys of any slots.

        With a transaction, all commands of one slot are executed, or none, in the order of the
        first command of each slot. So a failure may come between two slots. A slot whose
        watched keys have changed ends it with WatchError; execute it again then.
        """
        return _ClusterPipeline(self, transaction)


# pylint: disable-next=abstract-method,too-many-ancestors  # as Pipeline itself
class _ClusterPipeline(Pipeline):
    """Collects commands and executes them at their nodes."""

    def __init__(self, client: Cluster, transaction: bool) -> None:
        self._client = client
        self._by_slot = transaction
        self._watched: dict[int, Pipeline] = {}
        """By slot, the pipelines that watch its keys."""
        super().__init__(client.connection_pool, {}, transaction, None)

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute WATCH, or what follows it before MULTI."""
        if args[0] != "WATCH":
            client: Any = self._watched.get(_slot_of(args), self._client)  # without types here
            return client.execute_command(*args, **options)
        for key in args[1:]:
            slot = _slot_of(("WATCH", key))
            if slot not in self._watched:
                self._watched[slot] = client_of(self._client, key).pipeline()
            self._watched[slot].watch(key)
        self.watching = True
        return True

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Execute all commands; return the answers in their order."""
        commands = self.command_stack
        answers: list[Any] = [None] * len(commands)
        try:
            if self._by_slot:
                self._send(answers, range(len(commands)), raise_on_error)
                return answers
            self._send(answers, range(len(commands)), raise_on_error=False)
            moved = [i for i, each in enumerate(answers) if isinstance(each, SlotUnavailable)]
            self._send(answers, moved, raise_on_error=False)
            if raise_on_error:
                self.raise_first_error(commands, answers)  # type: ignore[no-untyped-call]
            return answers
        finally:
            self.reset()

    def _send(self, answers: list[Any], positions: Iterable[int], raise_on_error: bool) -> None:
        """Execute the commands at these positions, and put their answers there."""
        for part, of_part in self._parts(positions):
            for i in of_part:
                args, options = self.command_stack[i]
                part.execute_command(*args, **options)
            for i, answer in zip(of_part, part.execute(raise_on_error)):
                answers[i] = answer

    def reset(self) -> None:  # type: ignore[override]  # as that of Pipeline
        """Forget commands and watched keys."""
        for watched in self._watched.values():
            watched.reset()
        self._watched = {}
        self.command_stack = []
        self.watching = self.explicit_transaction = False

    def _parts(self, positions: Iterable[int]) -> list[tuple[Pipeline, list[int]]]:
        """Return the pipelines for all slots, or nodes, and the positions of their commands."""
        parts: dict[object, tuple[Pipeline, list[int]]] = {}
        for i in positions:
            args, _ = self.command_stack[i]
            slot = _slot_of(args)
            node = self._client.nodes.client_of(_key_of(args))
            name = slot if self._by_slot else node
            if name not in parts:
                part = self._watched.get(slot)
                if part:
                    part.multi()
                parts[name] = part or node.pipeline(self._by_slot), []
            parts[name][1].append(i)
        return list(parts.values())


def _key_of(args: Sequence[Any]) -> str | bytes | None:
    """Return the first key of a command, or None if it needs none.

    Raises TypeError if it is no command for a cluster, such as WAIT, which is about a connection.
    """
    command = str(args[0]).partition(" ")[0].upper()
    if command in _WITHOUT_KEYS:
        return None
    key = args[3 if command in _SCRIPTS else 2 if command in _WITH_SUBCOMMAND else 1 :][:1]
    if key and isinstance(key[0], str | bytes):
        return key[0]
    raise TypeError(f"{command} has no key: send it to a node, by client_of")


def _slot_of(args: Sequence[Any]) -> int:
    key = _key_of(args)
    return -1 if key is None else key_slot(key.encode() if isinstance(key, str) else key)
