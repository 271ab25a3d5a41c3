"""Keep views in memory while Redis is away, and record them when it is back.

They keep their nonces, so a view is recorded once even if Redis had it before its answer was lost.
A queue ends with its process: its views are acknowledged as accepted, not as stored.
"""

import itertools
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

_CALL_VIEWS = 100
"""How many views a call sends at most, unless one request brought more."""

_Key = tuple[str, bool]
"""The name of a site, and whether its limits apply."""

_logger = logging.getLogger(__name__)


class QueueFull(Exception):
    """Redis is away, and there is no room for more views."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    views: Sequence[View]
    since: float
    """As time.monotonic() returns it."""


class Queue:  # pylint: disable=too-many-instance-attributes  # it is one thing
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
        self._waiting: dict[_Key, deque[_Waiting]] = {}  # none is empty
        self._away = False
        self._mutex = threading.Lock()
        self._sender: threading.Thread | None = None
        self.depth = 0
        """How many views wait."""
        self.discarded = 0
        """How many views were given up since the process started."""

    def age_seconds(self) -> float:
        """Return how long the oldest view has waited, 0 if none waits."""
        with self._mutex:
            oldest = min((waiting[0].since for waiting in self._waiting.values()), default=None)
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

        From a failed call until one succeeds, new views wait without asking Redis, so they are
        accepted at once. Raises libs.page_views.registry.UnknownSite, or QueueFull.
        """
        if not self._away:
            try:
                return self._recorder.record(site_name, views, limited)
            except redis.RedisError as error:
                _logger.warning("Redis is away, views wait: %s", error)
        with self._mutex:
            if self.depth + len(views) > MAX_VIEWS:
                self._change(discarded=len(views))
                raise QueueFull(f"{self.depth} views wait for Redis already")
            self._away = True
            waiting = self._waiting.setdefault((site_name, limited), deque())
            waiting.append(_Waiting(views, time.monotonic()))
            self._change(waiting=len(views))
            if self._sender is None:
                self._sender = threading.Thread(target=self._send, name="views", daemon=True)
                self._sender.start()
        return None

    def close(self) -> None:
        """Give up the views that wait; log how many, if any. The process ends."""
        with self._mutex:
            self._waiting = {}
            self._discard(self.depth, "the process ends")

    def _send(self) -> None:
        """Record what waits until nothing does."""
        while True:
            with self._mutex:
                if not self._waiting:
                    self._sender = None
                    return
                key, waiting = next(iter(self._waiting.items()))
                group = _first(waiting)
            try:
                site_name, limited = key
                views = [view for each in group for view in each.views]
                self._recorder.record(site_name, views, limited)
            except redis.RedisError:
                self._away = True
                latest = time.monotonic() - MAX_SECONDS
                late = [each for each in group if each.since <= latest]
                self._remove(key, late, "Redis was away for too long")
                with self._mutex:  # views that Redis refuses must not hold up those of other sites
                    if key in self._waiting:
                        self._waiting[key] = self._waiting.pop(key)
                time.sleep(_PAUSE_SECONDS)
            except UnknownSite as error:
                self._remove(key, group, str(error))
            else:
                self._away = False
                self._remove(key, group)

    def _remove(self, key: _Key, group: Sequence[_Waiting], problem: str = "") -> None:
        """Let the first of a site wait no more: they are recorded, or discarded for a problem."""
        with self._mutex:
            waiting = self._waiting.get(key, deque())  # none if the queue was closed
            number = sum(len(waiting.popleft().views) for _ in group if waiting)
            if not waiting:
                self._waiting.pop(key, None)
            if problem:
                self._discard(number, problem)
            else:
                self._change(waiting=-number)

    def _discard(self, number: int, problem: str) -> None:
        """Note that views which waited are given up."""
        if number:
            _logger.error("waiting views discarded: %d (%s)", number, problem)
        self._change(waiting=-number, discarded=number)

    def _change(self, waiting: int = 0, discarded: int = 0) -> None:
        self.depth += waiting
        self.discarded += discarded
        self._observe(waiting, discarded)


def _first(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Return what one call sends: at least the oldest."""
    ends = itertools.accumulate(len(each.views) for each in waiting)
    number = sum(1 for _ in itertools.takewhile(lambda end: end <= _CALL_VIEWS, ends))
    return list(itertools.islice(waiting, max(1, number)))
