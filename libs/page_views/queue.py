"""Keep views in memory while Redis is away, and record them when it is back.

They keep their nonces, so a view is recorded once even if Redis had it before its answer was lost.
A queue ends with its process: its views are acknowledged as accepted, not as stored.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from libs.page_views.recording import NONCE_SECONDS, Recorder, View
from libs.page_views.registry import UnknownSite

MAX_VIEWS = 10_000
MAX_SECONDS = NONCE_SECONDS / 2
"""How long a view waits at most: Redis must still know its nonce when it is sent again."""

_PAUSE_SECONDS = 0.5

_logger = logging.getLogger(__name__)


class QueueFull(Exception):
    """Redis is away, and there is no room for more views."""


@dataclass(frozen=True)
class _Waiting:
    site_name: str
    views: Sequence[View]
    limited: bool
    since: float
    """As time.monotonic() returns it."""


class Queue:
    """The views of one process that wait for Redis."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._waiting: deque[_Waiting] = deque()
        self._mutex = threading.Lock()
        self._sender: threading.Thread | None = None
        self.depth = 0
        """How many views wait."""
        self.discarded = 0
        """How many views were given up since the process started."""

    def age_seconds(self) -> float:
        """Return how long the oldest view has waited, 0 if none waits."""
        with self._mutex:
            oldest = min((waiting.since for waiting in self._waiting), default=None)
        return 0 if oldest is None else time.monotonic() - oldest

    def record(
        self, site_name: str, views: Sequence[View], limited: bool = True
    ) -> list[str] | None:
        """Record views as Recorder.record does; return None if they wait for Redis instead.

        While views wait, new ones wait without asking Redis, so they are accepted at
        once. Raises libs.page_views.registry.UnknownSite, or QueueFull.
        """
        if not self.depth:
            try:
                return self._recorder.record(site_name, views, limited)
            except redis.RedisError as error:
                _logger.warning("Redis is away, views wait: %s", error)
        with self._mutex:
            if self.depth + len(views) > MAX_VIEWS:
                self.discarded += len(views)
                raise QueueFull(f"{self.depth} views wait for Redis already")
            self._waiting.append(_Waiting(site_name, views, limited, time.monotonic()))
            self.depth += len(views)
            if self._sender is None:
                self._sender = threading.Thread(target=self._send, name="views", daemon=True)
                self._sender.start()
        return None

    def _send(self) -> None:
        """Record what waits until nothing does."""
        while True:
            with self._mutex:
                if not self._waiting:
                    self._sender = None
                    return
                waiting = self._waiting.popleft()
            try:
                self._recorder.record(waiting.site_name, waiting.views, waiting.limited)
            except redis.RedisError:
                if time.monotonic() - waiting.since < MAX_SECONDS:
                    # At the end, so that views which Redis refuses do not hold up others.
                    self._waiting.append(waiting)
                    time.sleep(_PAUSE_SECONDS)
                    continue
                self._discard(waiting, "Redis was away for too long")
            except UnknownSite as error:
                self._discard(waiting, str(error))
            self.depth -= len(waiting.views)

    def _discard(self, waiting: _Waiting, reason: str) -> None:
        self.discarded += len(waiting.views)
        _logger.error("%d waiting views are discarded: %s", len(waiting.views), reason)
