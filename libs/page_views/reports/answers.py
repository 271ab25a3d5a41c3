"""What can be asked about a site, and what the answers are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple

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
    """Whether the period before is read too: libs.page_views.reports.buckets.before says which."""


class Measure(NamedTuple):
    """How often something was viewed, and by how many visitors, each once a day."""

    views: int
    visitors: int | None = None
    """None where they are not known, as of two rows, which may have visitors in common."""
    may_be_more: bool = False
    """Whether these are at least so many views: others may be in (other)."""
    may_be_less: bool = False
    """Whether these are at most so many views: some that were to be left out are in (other)."""


@dataclass(frozen=True)
class NotCounted:
    """Stands for what is not kept."""

    reason: str
    """A sentence that says what is not counted, and what to ask instead."""


@dataclass(frozen=True)
class Bucket:
    """An hour, a day or a month of a series, as far as it is in the days that are asked for."""

    start: datetime
    """In the time zone of the site."""
    end: datetime
    measure: Measure
    before: Measure | None
    """The bucket at the same place in the period before, if that is compared and counted."""
    so_far: bool = False
    """Whether it is not over."""
    future: bool = False
    """Whether it has not begun."""


Table = Mapping[str, Measure] | NotCounted
"""The rows, the most viewed first; those for which there was no room are (other)."""


@dataclass(frozen=True)
class Report:  # pylint: disable=too-many-instance-attributes  # a page has so many parts
    """What a dashboard shows of a site."""

    total: Measure | NotCounted
    compared_total: Measure | NotCounted | None
    """The part of the total that can be compared with before; None if that is not asked.

    All of it if today is not asked for; without today if other days are asked for, too. Of today
    alone, the views until this hour, if the site's days begin with an hour of UTC.
    """
    before: Measure | NotCounted | None
    """The same part of the period before."""
    series: tuple[Bucket, ...] | NotCounted
    pages: Table
    referrers: Table
    """With DIRECT, if it is known."""
    campaigns: Table
    drops: Mapping[str, int] | NotCounted = field(default_factory=dict)
    """How many requests were dropped in these days, for each reason."""
    drops_today: Mapping[str, int] = field(default_factory=dict)
    """The same of today; nothing if drops are not counted."""
    now: Count = Count()
    """Of the last 5 minutes; filters do not apply."""

    @property
    def unplaced(self) -> int:
        """Return how many views of the total are in no bucket; fewer than 0 if some are in excess.

        It is 0 but for two reasons. A month has room for more rows than a day, so it may count
        views of a row that are in (other) of its days. And hours are those of UTC: one in which a
        day begins, as in Asia/Kathmandu, counts with the day before; imports of daily counts have
        none.
        """
        if isinstance(self.total, NotCounted) or isinstance(self.series, NotCounted):
            return 0
        return self.total.views - sum(bucket.measure.views for bucket in self.series)

    def table(self, kind: Kind) -> Table:
        """Return the pages, referrers or campaigns."""
        table: Table = getattr(self, kind.value)
        return table


@dataclass(frozen=True)
class Opened:
    """A site, and how much was counted of each month and day."""

    site: Site
    now: datetime
    """When it was read, in the time zone of the site."""
    corrections: int
    """How often rows were changed other than by views; see libs.page_views.reports.table_sums."""
    months: Mapping[str, Count]
    """For each month with views, such as 2026-11."""
    days: Mapping[date, Count]
    """For each day with views of the last libs.page_views.reports.opening.MONTHS months."""
    names: tuple[str, ...]
    """Of all sites, in alphabetical order; none if there are more than some hundreds."""

    def count(self, period: str) -> Count:
        """Return the count of a month such as 2026-11, or of a day such as 2026-11-25."""
        if len(period) == len("2026-11"):
            return self.months.get(period, Count())
        return self.days.get(date.fromisoformat(period), Count())

    def is_current(self, period: str) -> bool:
        """Return whether it is today, or the month of today."""
        return f"{self.now:%Y-%m-%d}".startswith(period)

    def table(self, period: str, kind: Kind) -> str:
        """Return the key of the views of a period's table."""
        return f"{self.site.key}:{period}:{kind.value}"


@dataclass(frozen=True)
class Overview:
    """A site among others."""

    site: Site
    now: Count
    today: Count
    yesterday: Count
    today_so_far: int | None
    """The views of today until this hour; None if the zone's days begin within an hour of UTC."""
    yesterday_so_far: int | None
    """The views of yesterday until this hour, to compare with these."""
    last_days: tuple[Count, ...]
    """Of each of the last 30 days, today included, the oldest first."""
