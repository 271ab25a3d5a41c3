"""Read everything that one page of a dashboard shows of a site, in two round trips."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

import redis

from libs.page_views.reading import Count, Kind, Range
from libs.page_views.registry import Site

DIRECT = "(direct)"
"""The row of views without a referrer; what is left when those of all referrers are taken away."""


class Interval(Enum):
    """How long a bucket of a series is."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True)
class Filter:
    """Counts only views of these rows, or only of other rows."""

    kind: Kind
    """PAGES, REFERRERS or CAMPAIGNS."""
    rows: tuple[str, ...]
    """At least one: paths, hosts or DIRECT, or campaigns. A view needs to be of one of them."""
    negated: bool = False
    """Whether only views of none of them count."""


@dataclass(frozen=True)
class Question:
    """What is asked about a site."""

    days: Range
    interval: Interval
    filters: tuple[Filter, ...] = ()
    """At most one for each kind and each value of negated; a view has to fit all of them."""
    compared: bool = True
    """Whether the days before, as many, are read too."""


@dataclass(frozen=True)
class Measure:
    """How often something was viewed, and by how many visitors, each once a day."""

    views: int
    visitors: int | None = None
    """None where they are not known, as of views that are what is left of others."""


@dataclass(frozen=True)
class NotCounted:
    """Stands for what is not kept."""

    reason: str
    """A sentence that says what is not counted, and what to ask instead."""


@dataclass(frozen=True)
class Bucket:
    """An hour, a day or a month of a series."""

    start: datetime
    """In the time zone of the site."""
    end: datetime
    measure: Measure
    before: Measure | None
    """The bucket at the same place in the days before, if these are compared and counted."""
    so_far: bool = False
    """Whether it is not over."""
    future: bool = False
    """Whether it has not begun."""


Table = Mapping[str, Measure] | NotCounted
"""The rows, the most viewed first; those for which there was no room are (other)."""


@dataclass(frozen=True)
class Report:
    """What a dashboard shows of a site."""

    total: Measure | NotCounted
    before: Measure | NotCounted | None
    """The same of the days before, of as much time as has passed of these; None if not asked."""
    series: tuple[Bucket, ...] | NotCounted
    pages: Table
    referrers: Table
    """With DIRECT."""
    campaigns: Table
    drops: Mapping[str, int]
    """How many requests were dropped in these days, for each reason; filters do not apply."""
    now: Count
    """Of the last 5 minutes; filters do not apply."""


@dataclass(frozen=True)
class Opened:
    """A site, and how much was counted of each month and day."""

    site: Site
    months: Mapping[str, Count]
    """For each month with views, such as 2026-11."""
    days: Mapping[date, Count]
    """For each day with views that is kept on its own."""


class Reader:
    """Reads sites. It keeps the sums of past days, and reads them again if their total changes."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def open(self, name: str) -> Opened:
        """Return the site of this name. Raises UnknownSite, or redis.RedisError."""
        raise NotImplementedError

    def report(self, opened: Opened, question: Question) -> Report:
        """Answer the question. Raises RangeError, or redis.RedisError."""
        raise NotImplementedError

    def overviews(self) -> tuple["Overview", ...]:
        """Return an overview of every site, by name. Raises redis.RedisError."""
        raise NotImplementedError


@dataclass(frozen=True)
class Overview:
    """A site among others."""

    site: Site
    now: Count
    today: Count
    yesterday: Count
    yesterday_so_far: Count | None
    """Until this hour; None if the zone's days do not begin with an hour of UTC."""
    last_days: tuple[Count, ...]
    """Of each of the last 30 days, today included, the oldest first."""
