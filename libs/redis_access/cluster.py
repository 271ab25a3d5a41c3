"""Reach the node of a Redis Cluster that has a key.

A client whose keys are all in one slot needs one node at a time. So it is an ordinary client whose
connections ask for the address of that node, as with Sentinels. redis-py's RedisCluster connects
when it is created, and after a failure it sleeps and asks all nodes, without a limit for the whole.
"""

import contextlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError, TryAgainError

from libs.redis_access.retries import WAIT_SECONDS

FIND_WAIT_SECONDS = WAIT_SECONDS / 3
"""The limit for each wait for a node that is asked: the connection, AUTH, the answer."""

_Address = tuple[str, int]


class Primary:
    """Finds the primary that has a key by asking nodes for it, and remembers its address."""

    def __init__(self, nodes: Sequence[_Address], key: str, options: Mapping[str, Any]) -> None:
        """Ask nodes for key; options are those of redis.Redis, without its address."""
        self._nodes = nodes
        self._key = key
        self._options = options
        self._address: _Address | None = None

    def address(self) -> _Address:
        """Return the host and port.

        Takes at most WAIT_SECONDS. If it takes longer, up to 3 times that, it raises an error, so
        its caller need not hurry; the address is remembered for the next call. Raises
        redis.RedisError.
        """
        if self._address is None:
            begin = time.monotonic()
            self._address = address = self._find(begin + WAIT_SECONDS)
            if time.monotonic() > begin + WAIT_SECONDS:
                raise redis.TimeoutError("it took too long to find the primary in the cluster")
            return address
        return self._address

    def forget(self, address: _Address) -> None:
        """Find the primary again, unless it has been found at another address meanwhile."""
        if self._address == address:
            self._address = None

    def _find(self, last_start: float) -> _Address:
        """Return what the first node to answer says; ask none after last_start but the first."""
        nodes = random.sample(self._nodes, len(self._nodes))  # nosec B311  # not a secret
        while True:
            host, port = nodes.pop()
            try:
                with contextlib.closing(redis.Redis(host, port, **self._options)) as node:
                    node.get(self._key)
            except MovedError as moved:
                return moved.host or host, moved.port  # without a host, it is the same one
            except (redis.ConnectionError, redis.TimeoutError, ClusterDownError):
                if not nodes or time.monotonic() > last_start:
                    raise
            except ResponseError:  # the node has the key, whatever else is wrong
                return host, port
            else:
                return host, port


class ClusterConnection(redis.Connection):
    """A connection to the primary that has a key."""

    def __init__(self, primary: Primary, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # redis-py has no types here
        self.host, self.port = "", 0  # unknown until it connects
        self._primary = primary

    def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        """Connect if this is not connected; redis-py calls it before every command."""
        if not self.is_connected:
            self.host, self.port = self._primary.address()
        with self._forgetting_the_primary():
            super().connect_check_health(check_health, retry_socket_connect)

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Return an answer; raise ConnectionError if another node has the keys, or none does."""
        with self._forgetting_the_primary():
            try:
                return super().read_response(*args, **options)
            except (AskError, TryAgainError, ClusterDownError) as error:  # AskError: or MovedError
                self.disconnect()  # type: ignore[no-untyped-call]  # redis-py has no types here
                raise redis.ConnectionError(f"{type(error).__name__}: {error}") from error

    @contextlib.contextmanager
    def _forgetting_the_primary(self) -> Iterator[None]:
        """Forget the address if the connection fails, since another node may have the keys now."""
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError):
            self._primary.forget((self.host, self.port))
            raise
