"""Measure what a service's calls to Redis take, and how many fail."""

import time
from typing import Any

import redis
from prometheus_client import Counter, Histogram

from libs.flask_service.fast_metrics import observing
from libs.flask_service.metrics import METRICS
from libs.redis_access.retries import FINAL

_CALLS = Histogram(
    "page_tracker_redis_call_duration_seconds",
    "From sending one or more commands together until the first answer.",
    buckets=(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
    registry=METRICS,
)
_ERRORS = Counter(
    "page_tracker_redis_errors",
    "Connections, waits for an answer, and commands that failed.",
    ["kind"],
    registry=METRICS,
)
_observe_call = observing(_CALLS)
_of_kind = {kind: _ERRORS.labels(kind) for kind in ("connection", "timeout", "refused")}


def measure(client: redis.Redis) -> None:
    """Measure the calls on all connections that client opens from now on."""
    pool = client.connection_pool
    if getattr(pool.connection_class, "is_measured", False):
        return

    class Measured(pool.connection_class):  # type: ignore[misc, name-defined]
        """A connection that measures its calls."""

        is_measured = True
        _sent = 0.0

        def connect(self) -> None:
            """Open the connection."""
            try:
                super().connect()
            except redis.RedisError as error:
                _count(error)
                raise

        def send_packed_command(self, *arguments: Any, **options: Any) -> None:
            """Send one or more commands."""
            try:
                super().send_packed_command(*arguments, **options)
            except redis.RedisError as error:
                _count(error)
                raise
            self._sent = time.perf_counter()

        def read_response(self, *arguments: Any, **options: Any) -> Any:
            """Return the next answer."""
            try:
                return super().read_response(*arguments, **options)
            except redis.RedisError as error:
                _count(error)
                raise
            finally:
                if self._sent:
                    _observe_call(time.perf_counter() - self._sent)
                    self._sent = 0.0

    pool.connection_class = Measured


def _count(error: redis.RedisError) -> None:
    """Count an error once, even if it ends several of the methods above."""
    if not hasattr(error, "is_counted"):
        setattr(error, "is_counted", True)
        _of_kind[_kind(error)].inc()


def _kind(error: redis.RedisError) -> str:
    if isinstance(error, redis.TimeoutError):
        return "timeout"
    if isinstance(error, FINAL):
        return "refused"
    return "connection" if isinstance(error, redis.ConnectionError) else "refused"
