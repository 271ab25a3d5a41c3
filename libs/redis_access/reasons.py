"""Describe why Redis failed in words that anyone may read."""

import redis
from redis.exceptions import AuthenticationError, AuthorizationError

from libs.redis_access.retries import SlotUnavailable

# The first match is the reason.
_REASONS: list[tuple[type[redis.RedisError] | tuple[type[redis.RedisError], ...], str]] = [
    (redis.BusyLoadingError, "Redis is loading its data"),
    (redis.ReadOnlyError, "Redis is read-only"),
    (redis.OutOfMemoryError, "Redis is out of memory"),
    (redis.exceptions.NoPermissionError, "Redis does not permit what is needed"),
    ((AuthenticationError, AuthorizationError), "Redis refuses the user name or password"),
    (SlotUnavailable, "Redis moves what is needed to another node"),
    (redis.TimeoutError, "Redis does not answer in time"),
    (redis.ConnectionError, "Redis cannot be reached"),
    (redis.RedisError, "Redis refuses the command"),
]


def reason_of(error: redis.RedisError) -> str:
    """Return the reason without the server's address or its own error text."""
    return next(reason for kind, reason in _REASONS if isinstance(error, kind))
