"""Limit how long a request waits for Redis, and what it retries, in every service.

A page must be answered within 1 s whatever happens to Redis. All attempts of a request therefore
share one budget, and an attempt begins only if it ends within that budget in the worst case.

Retry only transient errors: a lost connection, a missing answer, a server that is still loading its
data, a key that moves to another node of a cluster. Other error replies (read-only, out of memory,
wrong type, wrong password) are final. A retried call must be safe to repeat, because Redis may have
executed it before its answer was lost.

redis-py's own retries are off: by default it sends a command up to 11 times. The limit for name
look-ups is set in libs/flask_service/gunicorn_config.py; elsewhere the system's resolver sets its
own.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import redis
from redis.exceptions import AuthenticationError, AuthorizationError
from redis.sentinel import SentinelConnectionPool

BUDGET_SECONDS = 0.9
"""The limit for all attempts of one request together."""

WAIT_SECONDS = 0.125
"""The limit for each wait: for a name look-up, the TCP connection, and every answer."""

ATTEMPTS = 3
BACKOFF_SECONDS = 0.02
"""The pause after attempt n is n times this, multiplied by a random factor from 1 to 2."""

POOL_SIZE = 128
"""Connections per process, opened as needed; so many requests can wait for Redis at once."""


class SlotUnavailable(redis.ResponseError):
    """The node that was asked did nothing: another of the cluster has the keys, or none does."""


_TRANSIENT = (redis.ConnectionError, redis.TimeoutError, SlotUnavailable)
FINAL = (AuthenticationError, AuthorizationError)  # redis-py calls them connection errors

_Result = TypeVar("_Result")


def slowest_attempt_seconds(client: redis.Redis) -> float:
    """Return the seconds a command takes on a new connection when every wait reaches its limit."""
    pool = client.connection_pool
    options = pool.connection_kwargs
    waits = 3  # the name look-up, the TCP connection, the answer
    waits += bool(options.get("password") or options.get("credential_provider"))  # AUTH
    waits += bool(options.get("redis_connect_func"))  # PING
    waits += bool(options.get("db"))  # SELECT
    waits += 2 * issubclass(pool.connection_class, redis.SSLConnection)  # the TLS handshake
    waits += 3 * isinstance(pool, SentinelConnectionPool)  # to find the primary and check it
    waits += "nodes" in options  # to find the node in a cluster
    return waits * WAIT_SECONDS


def call_once(client: redis.Redis, call: Callable[[], _Result]) -> _Result:
    """Return the result of call(), which sends one command through client.

    A server that answers "read-only" may be a former primary. Its connections are closed, so the
    next call reaches the server that now has the address. Raises redis.RedisError.
    """
    try:
        return call()
    except redis.ReadOnlyError:
        client.connection_pool.disconnect(inuse_connections=False)
        raise


def call_with_retries(client: redis.Redis, call: Callable[[float], _Result]) -> _Result:
    """Return the result of call(deadline), retrying transient errors within the budget.

    call sends one command through client and must be safe to repeat. The deadline, a time of
    time.monotonic(), is the end of the budget. Raises the redis.RedisError of the last attempt.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    attempt = 1
    while True:
        try:
            return call_once(client, lambda: call(deadline))
        except _TRANSIENT as error:
            pause = random.uniform(1, 2) * BACKOFF_SECONDS * attempt  # nosec B311  # not a secret
            too_late = time.monotonic() + pause + slowest_attempt_seconds(client) > deadline
            if isinstance(error, FINAL) or attempt == ATTEMPTS or too_late:
                raise
        time.sleep(pause)
        attempt += 1
