"""Keep views in memory while Redis is away, and record them when it is back.

They keep their nonces, so a view is recorded once even if Redis had it before its answer was lost.
A queue ends with its process: its views are acknowledged as accepted, not as stored.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import redis

from libs.page_views.recording import NONCE_SECONDS, Recorder, View
from libs.page_views.registry import UnknownSite

MAX_VIEWS = 10_000
MAX_SECONDS = NONCE_SECONDS / 2
"""How long a view waits at most: Redis must still know its nonce when it is sent again."""

_PAUSE_SECONDS = 0.5
"""Between two attempts: while Redis is away, nothing tells when it is back."""

_logger = logging.getLogger(__name__)


class QueueFull(Exception):
    """Redis is away, and there is no room for more views."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    site_name: str
    views: Sequence[View]
    limited: bool
    since: float
    """As time.monotonic() returns it."""


class Queue:
    """The views of one process that wait for Redis."""

    def __init__(
        self,
        recorder: Recorder,
        observe: Callable[[int, int], None] = lambda waiting, discarded: None,
    ) -> None:
        """Keep views until recorder has recorded them.

        observe is told how many more views wait from now on, or fewer, and how many more were given
        up.
        """
        self._recorder = recorder
        self._observe = observe
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

    def warnings(self) -> list[str]:
        """Return a sentence about views that wait, and one about those that were given up."""
        sentences = []
        if self.depth:
            age = self.age_seconds()
            sentences.append(f"views that wait for Redis: {self.depth}, the oldest for {age:.0f} s")
        if self.discarded:
            sentences.append(f"views discarded since this process started: {self.discarded}")
        return sentences

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
                self._change(discarded=len(views))
                raise QueueFull(f"{self.depth} views wait for Redis already")
            self._waiting.append(_Waiting(site_name, views, limited, time.monotonic()))
            self._change(waiting=len(views))
            if self._sender is None:
                self._sender = threading.Thread(target=self._send, name="views", daemon=True)
                self._sender.start()
        return None

    def close(self) -> None:
        """Give up the views that wait; log how many, if any. The process ends."""
        with self._mutex:
            waiting, self._waiting = self._waiting, deque()
            self._change(waiting=-self.depth)
        for each in waiting:
            self._discard(each, "the process ends")

    def _send(self) -> None:
        """Record what waits until nothing does."""
        while True:
            with self._mutex:
                if not self._waiting:
                    self._sender = None
                    return
                waiting = self._waiting[0]
            try:
                self._recorder.record(waiting.site_name, waiting.views, waiting.limited)
            except redis.RedisError:
                if time.monotonic() - waiting.since < MAX_SECONDS:
                    with self._mutex:  # views that Redis refuses must not hold up others
                        self._waiting.rotate(-1)
                    time.sleep(_PAUSE_SECONDS)
                    continue
                problem = "Redis was away for too long"
            except UnknownSite as error:
                problem = str(error)
            else:
                problem = ""
            with self._mutex, contextlib.suppress(ValueError):  # it was closed
                self._waiting.remove(waiting)
                self._change(waiting=-len(waiting.views))
            if problem:
                self._discard(waiting, problem)

    def _discard(self, waiting: _Waiting, problem: str) -> None:
        self._change(discarded=len(waiting.views))
        _logger.error("waiting views discarded: %d (%s)", len(waiting.views), problem)

    def _change(self, waiting: int = 0, discarded: int = 0) -> None:
        self.depth += waiting
        self.discarded += discarded
        self._observe(waiting, discarded)
