"""How long a request waits for Redis and what it tries again: one policy for every service.

A page must be answered within 1 s whatever happens to Redis, so all attempts of a request share
one budget, and an attempt begins only if even its slowest course ends within that budget.

What may be tried again is decided by the caller: a call that Redis may have carried out although
its answer was lost must be harmless when repeated. Worth another attempt is only what passes by
itself, a lost connection, a missing answer, a server still loading its data. An answer that Redis
did give (read-only, out of memory, wrong type, wrong password) is final.

redis-py's own retries are off: by default it sends a command up to 11 times. Looking up a host name
is the one wait without a limit here; the system's resolver has its own.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import redis
from redis.exceptions import AuthenticationError, AuthorizationError

BUDGET_SECONDS = 0.9
"""For all attempts of one request together."""

WAIT_SECONDS = 0.125
"""For each single wait: a free connection, the TCP connection, every answer."""

ATTEMPTS = 3
BACKOFF_SECONDS = 0.02
"""Before the second attempt, and that much more before each further one; at random up to twice."""

POOL_SIZE = 32
"""Connections per process; more than a web process has threads, so that none waits in vain."""

_PASSING = (redis.ConnectionError, redis.TimeoutError)
_FINAL = (AuthenticationError, AuthorizationError)  # redis-py calls them connection errors

_Result = TypeVar("_Result")
_logger = logging.getLogger(__name__)


def slowest_attempt_seconds(client: redis.Redis) -> float:
    """How long one command can take on a new connection when every wait lasts to its limit."""
    pool = client.connection_pool
    options = pool.connection_kwargs
    waits = 3  # a free connection, the TCP connection, the answer
    waits += bool(options.get("password"))  # AUTH
    waits += bool(options.get("db"))  # SELECT
    waits += 2 * issubclass(pool.connection_class, redis.SSLConnection)  # the TLS handshake
    return waits * WAIT_SECONDS


def call_with_retries(client: redis.Redis, call: Callable[[], _Result]) -> _Result:
    """The result of call(), tried again within the budget while Redis is out of reach.

    call sends one command through client, and must be harmless when repeated.
    Raises the redis.RedisError of the last attempt.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    attempt = 1
    while True:
        try:
            return call()
        except _PASSING as error:
            pause = random.uniform(1, 2) * BACKOFF_SECONDS * attempt  # nosec B311  # not a secret
            too_late = time.monotonic() + pause + slowest_attempt_seconds(client) > deadline
            if isinstance(error, _FINAL) or attempt == ATTEMPTS or too_late:
                raise
            _logger.warning("Redis failed at attempt %d, trying again: %s", attempt, error)
        time.sleep(pause)
        attempt += 1
