"""Whether Redis would count a page view now, found out without counting or writing anything."""

import logging

import redis
from redis.exceptions import AuthenticationError, AuthorizationError

from libs.redis_access.page_views import PAGE_VIEWS_KEY

# The first that fits is the reason. These words go to strangers: no addresses, no server's texts.
_REASONS: list[tuple[type[redis.RedisError] | tuple[type[redis.RedisError], ...], str]] = [
    (redis.BusyLoadingError, "Redis is loading its data"),
    (redis.ReadOnlyError, "Redis is read-only"),
    (redis.OutOfMemoryError, "Redis is out of memory"),
    ((AuthenticationError, AuthorizationError), "Redis refuses the user name or password"),
    (redis.TimeoutError, "Redis does not answer in time"),
    (redis.ConnectionError, "Redis cannot be reached"),
    (redis.RedisError, "Redis refuses to count"),
]

_logger = logging.getLogger(__name__)


def why_not_ready(client: redis.Redis) -> str | None:
    """The reason why Redis would not count a view now, in words for everybody; None if it would.

    Makes one attempt, within libs.redis_access.policy.slowest_attempt_seconds. What exactly Redis
    or the connection said goes to the log.
    """
    try:
        # Writes no bytes, so it changes nothing; yet Redis refuses it wherever it refuses to write.
        client.setrange(PAGE_VIEWS_KEY, 0, "")
    except redis.RedisError as error:
        reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
        _logger.warning("not ready: %s: %s", reason, error)
        return reason
    return None
