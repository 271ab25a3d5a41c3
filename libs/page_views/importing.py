"""Import views from logs, each once, however often and from whichever copy it is imported.

Views are recorded in batches, each together with its nonce; libs.page_views.imported_hours decides
of which hours.
"""

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Generic, TypeVar

import redis
from redis.exceptions import LockError

from libs.page_views.imported_hours import Expected, Identified, ImportedHours, hour_of
from libs.page_views.past_days import utc_hour
from libs.page_views.recording import COUNTED, MOST_IMPORTED_VIEWS, REPEATED, Recorder, View
from libs.page_views.registry import Site
from libs.page_views.tables import IMPORTED
from libs.redis_access.cluster import client_of

LOCK_SECONDS = 15
"""How long an import that was killed keeps others out."""

WAIT_SECONDS = LOCK_SECONDS + 1
"""How long an import waits for another to end."""

BATCH_VIEWS = 2 * MOST_IMPORTED_VIEWS

BATCHES_UNDER_WAY = 2
"""While one is recorded, the next may wait, so that Redis need not."""

_Entry = TypeVar("_Entry")


class ImportRunning(RuntimeError):
    """Another import from the same kind of source into the same site is running."""


@dataclass
class Report:
    """What an import did."""

    counted: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """How many entries were counted as dropped for each reason."""
    repeated: int = 0
    """How many entries were imported before."""
    skipped: Counter[datetime] = field(default_factory=Counter)
    """How many entries of each hour were left out, for it had been imported with other entries."""


class Import(Generic[_Entry]):
    """A running import, which running_import() begins. All methods raise redis.RedisError."""

    def __init__(
        self,
        hours: ImportedHours,
        view_of: Callable[[_Entry, str], View],
        submit: Callable[[Sequence[View]], Future[list[str]]],
        keep_lock: Callable[[], None],
    ) -> None:
        """Use submit to have views recorded, and keep_lock between the batches."""
        self.report = Report()
        self._hours = hours
        self._view_of = view_of
        self._submit = submit
        self._keep_lock = keep_lock
        self._batch: list[Identified[_Entry]] = []
        self._under_way: deque[tuple[Counter[int], Future[list[str]]]] = deque()

    def record(self, entries: Iterable[Identified[_Entry]]) -> None:
        """Record entries."""
        for entry in entries:
            if self._hours.wants(entry):
                self._batch.append(entry)
                if len(self._batch) == BATCH_VIEWS:
                    self._send()
            elif self._hours.is_imported(hour_of(entry)):
                self.report.repeated += 1
            else:
                self.report.skipped[utc_hour(hour_of(entry))] += 1
            self._keep_lock()

    def flush(self) -> None:
        """Wait until all entries so far are recorded. Call it every few seconds."""
        if self._batch:
            self._send()
        while self._under_way:
            self._confirm()
        self._keep_lock()

    def _send(self) -> None:
        """Have the batch recorded, while the next one is read."""
        views = [self._view_of(entry.entry, entry.nonce.hex()) for entry in self._batch]
        self._under_way.append((Counter(map(hour_of, self._batch)), self._submit(views)))
        self._batch = []
        if len(self._under_way) > BATCHES_UNDER_WAY:
            self._confirm()

    def _confirm(self) -> None:
        """Wait for the batch that was sent first, and complete hours."""
        hours, future = self._under_way.popleft()
        outcomes = Counter(future.result())
        self.report.counted += outcomes.pop(COUNTED, 0)
        self.report.repeated += outcomes.pop(REPEATED, 0)
        self.report.dropped += outcomes
        self._hours.add(hours)
        self._hours.complete(waiting=set(chain(*(each for each, _ in self._under_way))))


@contextlib.contextmanager
def running_import(
    client: redis.Redis,
    site: Site,
    source: str,
    view_of: Callable[[_Entry, str], View],
    expected: Expected | None = None,
) -> Iterator[Import[_Entry]]:
    """Import from a kind of source, such as "log", while the context lasts.

    view_of makes a view of an entry and its nonce. Without expected, entries must come about in
    their order, and an hour that was imported is skipped whatever it has now.

    If the context ends with an exception, repeat the import: what it recorded is not recorded
    again. But visitors are told apart within one import only, since its salts are not stored.
    Raises ImportRunning or redis.RedisError.
    """
    recorder = Recorder(client, source=source)
    with _locked(client, site, source) as keep_lock, ThreadPoolExecutor(1) as thread:
        hours = ImportedHours(client, site, source, expected)

        def submit(views: Sequence[View]) -> Future[list[str]]:
            return thread.submit(recorder.record, site.name, views, False)

        running = Import(hours, view_of, submit, keep_lock)
        yield running
        running.flush()
        hours.remember_rest()


@contextlib.contextmanager
def _locked(client: redis.Redis, site: Site, source: str) -> Iterator[Callable[[], None]]:
    """Keep other imports out; yield what is to be called at least every LOCK_SECONDS."""
    name = f"{site.key}:{IMPORTED}:{source}:lock"
    lock = client_of(client, name).lock(name, timeout=LOCK_SECONDS)
    if not lock.acquire(blocking_timeout=WAIT_SECONDS):
        raise ImportRunning(f"another import into {site.name} is running")
    locked = time.monotonic()

    def keep() -> None:
        nonlocal locked
        now = time.monotonic()
        if now - locked > LOCK_SECONDS / 5:
            lock.reacquire()
            locked = now

    try:
        yield keep
    finally:
        with contextlib.suppress(LockError, redis.ConnectionError, redis.TimeoutError):
            lock.release()  # else it ends by itself
