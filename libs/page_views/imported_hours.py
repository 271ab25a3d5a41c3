"""Remember which hours of a log were imported, and with which views.

For each hour (UTC) that was imported, Redis remembers how many views it had and the sum of their
nonces, in the hash v2:{id}:imported. An hour of which a log has the same is not recorded again.

While an hour is recorded, its nonces are in the set v2:{id}:imported:SOURCE:HOUR, to which
record.lua adds each together with its view. So an import that was interrupted goes on when it is
repeated. The set is deleted when the hour is complete. The last hour of a log is not complete: the
next log, or the same when it has grown, may have more of it within IMPORT_SECONDS. If a log has
other views of an hour later on, it is skipped, rather than counted twice.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Generic, NamedTuple, TypeVar

import redis

from libs.page_views.past_days import forget_day, forget_hour, is_past, utc_hour
from libs.page_views.recording import IMPORT_SECONDS
from libs.page_views.registry import Site
from libs.page_views.tables import IMPORTED
from libs.redis_access.replies import text

LATE_SECONDS = 900
"""How long after an hour a log may still have views of it: servers log a request when it ends."""

_NONCES_PER_CALL = 1000
_HOUR_SECONDS = 3600
_SUM_LIMIT = 2**128
_BEGUN = "begun"
"""A member of the set of an hour's nonces, which makes it exist before there is a nonce."""

_Entry = TypeVar("_Entry")


class Identified(NamedTuple, Generic[_Entry]):
    """An entry of a log."""

    time: float
    """Seconds since 1970."""
    nonce: bytes
    """Up to 16 bytes: the same whenever the entry is imported, and no other's."""
    entry: _Entry


class Content(NamedTuple):
    """What tells the views of an hour from other views."""

    views: int
    nonces: int
    """Their sum, modulo 2^128, which does not depend on their order."""


class Expected(NamedTuple):
    """What an import is going to record."""

    hours: dict[int, Content]
    """By hour since 1970."""
    newest: float
    """The time of the newest entry."""


def hour_of(entry: Identified[Any]) -> int:
    """Return how many hours after 1970 the hour of an entry began."""
    return int(entry.time) // _HOUR_SECONDS


def expect(entries: Iterable[Identified[Any]]) -> Expected:
    """Return what is to be expected when the same entries are recorded."""
    views: Counter[int] = Counter()
    nonces: dict[int, int] = defaultdict(int)
    newest = 0.0
    for entry in entries:
        hour = hour_of(entry)
        views[hour] += 1
        nonces[hour] += int.from_bytes(entry.nonce, "big")
        newest = max(newest, entry.time)
    return Expected(
        {hour: Content(count, nonces[hour] % _SUM_LIMIT) for hour, count in views.items()}, newest
    )


class ImportedHours:  # pylint: disable=too-many-instance-attributes  # all are about hours
    """The hours of a source that were and are imported into a site.

    All methods raise redis.RedisError.
    """

    def __init__(
        self, client: redis.Redis, site: Site, source: str, expected: Expected | None
    ) -> None:
        """Read which hours were imported; nobody else may import from the source meanwhile."""
        self._client = client
        self._site = site
        self._source = source
        self._expected = expected
        self._imported: dict[int, Content] = {}
        for name, value in client.hgetall(f"{site.key}:{IMPORTED}").items():
            its_source, _, hour = text(name).rpartition(":")
            if its_source == source:
                views, _, nonces = text(value).partition(" ")
                self._imported[int(hour)] = Content(int(views), int(nonces, 16))
        self._newest = expected.newest if expected else 0.0
        self._wanted: dict[int, bool] = {}
        """Whether to record an hour, of those that have begun."""
        self._open: Counter[int] = Counter()
        """How many entries were recorded or repeated, of each hour that is not complete."""
        self._hours_left = Counter(
            day for hour in (expected.hours if expected else ()) for day in self._days(hour)
        )

    def wants(self, entry: Identified[Any]) -> bool:
        """Return whether to record an entry."""
        if self._expected is None and entry.time > self._newest:
            self._newest = entry.time
        hour = hour_of(entry)
        if hour not in self._wanted:
            self._wanted[hour] = self._begin(hour)
        return self._wanted[hour]

    def is_imported(self, hour: int) -> bool:
        """Return whether an hour was imported with the same entries before."""
        return self._expected is not None and (
            self._imported.get(hour) == self._expected.hours.get(hour)
        )

    def add(self, hours: Counter[int]) -> None:
        """Note how many entries of each hour were recorded or repeated."""
        self._open.update(hours)

    def complete(self, waiting: set[int]) -> None:
        """Remember the hours that are complete now, but for those of entries that are waiting."""
        for hour in self._open.keys() - waiting:
            if self._is_complete(hour):
                self._remember(hour, forget_nonces=True)
                del self._open[hour]
                self._wanted[hour] = False
                self._end(hour)

    def remember_rest(self) -> None:
        """Remember what the hours have that are not complete."""
        for hour in self._open:
            self._remember(hour)

    def _begin(self, hour: int) -> bool:
        """Return whether to record an hour; if so, remember that this has begun."""
        nonces = self._nonces_key(hour)
        if hour in self._imported:
            if self.is_imported(hour) or not self._client.exists(nonces):
                self._end(hour)
                return False
        else:
            with self._client.pipeline() as pipeline:
                self._write(pipeline, hour, Content(0, 0))
                pipeline.sadd(nonces, _BEGUN)
                pipeline.expire(nonces, IMPORT_SECONDS)
                pipeline.execute()
        self._open[hour] = 0
        return True

    def _is_complete(self, hour: int) -> bool:
        newest = min(self._newest, time.time())  # in case that one entry is from the future
        if (hour + 1) * _HOUR_SECONDS + LATE_SECONDS > newest:
            return False
        if self._expected is None:
            return True
        return hour in self._expected.hours and self._open[hour] == self._expected.hours[hour].views

    def _remember(self, hour: int, forget_nonces: bool = False) -> None:
        """Remember what an hour has; also of other logs, if it was open before."""
        key = self._nonces_key(hour)
        content = self._expected.hours.get(hour) if self._expected else None
        if content is None or self._client.scard(key) != content.views + 1:
            nonces = set(self._client.sscan_iter(key, count=_NONCES_PER_CALL))
            nonces.discard(_BEGUN.encode())
            content = Content(len(nonces), sum(int(each, 16) for each in nonces) % _SUM_LIMIT)
        with self._client.pipeline() as pipeline:
            self._write(pipeline, hour, content)
            if forget_nonces:
                pipeline.unlink(key)
            pipeline.execute()

    def _write(self, pipeline: redis.client.Pipeline, hour: int, content: Content) -> None:
        value = f"{content.views} {content.nonces:x}"
        pipeline.hset(f"{self._site.key}:{IMPORTED}", f"{self._source}:{hour}", value)

    def _end(self, hour: int) -> None:
        """Forget the visitors of an hour and of its day, when no more of them are expected."""
        if not is_past((hour + 1) * _HOUR_SECONDS):
            return
        forget_hour(self._client, self._site, utc_hour(hour))
        for day in self._days(hour):
            self._hours_left[day] -= 1
            if self._hours_left[day] == 0:
                forget_day(self._client, self._site, day)

    def _days(self, hour: int) -> set[date]:
        """Return the days of the site that an hour is in: two, in some time zones."""
        begin = utc_hour(hour)
        last = datetime.fromtimestamp((hour + 1) * _HOUR_SECONDS - 1, self._site.zone)
        return {begin.astimezone(self._site.zone).date(), last.date()}

    def _nonces_key(self, hour: int) -> str:
        return f"{self._site.key}:{IMPORTED}:{self._source}:{hour}"
