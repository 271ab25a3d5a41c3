"""Read everything that one page of a dashboard shows of a site.

That takes two round trips, and more when large tables of past days are read for the first time.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import redis

from libs.page_views.reading import Range, RangeError, add_tables, count_now, now_commands
from libs.page_views.reports.answers import NotCounted, Opened, Overview, Question, Report
from libs.page_views.reports.batch import Batch
from libs.page_views.reports.buckets import before
from libs.page_views.reports.cells import CellReader
from libs.page_views.reports.kept_reports import KeptReports
from libs.page_views.reports.opening import Opener
from libs.page_views.reports.overviews import read_overviews
from libs.page_views.reports.panels import Panels
from libs.page_views.reports.selection import CannotCount, counted, select
from libs.page_views.reports.series import Series
from libs.page_views.reports.table_sums import TableSums
from libs.page_views.reports.time_counts import DayCounts
from libs.redis_access.cluster import client_of

_FIRST_YEAR, _MOST_YEARS = 1970, 100


class Reader:
    """Reads sites. It keeps the sums of past days, and reads them again if their total changes."""

    def __init__(self, client: redis.Redis, kept_seconds: float = 0) -> None:
        """Read by this client. What views change may be so many seconds old."""
        self._client = client
        self._opener = Opener(client)
        self._kept = TableSums()
        self._reports = KeptReports(kept_seconds)

    def open(self, name: str) -> Opened:
        """Return the site of this name. Raises UnknownSite, or redis.RedisError."""
        return self._opener.open(name)

    def report(self, opened: Opened, question: Question) -> Report:
        """Answer the question. Raises RangeError, or redis.RedisError."""
        _check(question.days)
        batch = Batch()
        drops = _add_drops(batch, opened, question)
        of_today = batch.add("HGETALL", _drops_key(opened, f"{opened.now:%Y-%m-%d}"))
        here = now_commands(opened.site.key, int(opened.now.timestamp()))
        for command in here:
            batch.add(*command)
        node = client_of(self._client, opened.site.key)
        report = self._reports.find(opened, question)
        if report:
            batch.send(node)
        else:
            answer = _add_counts(batch, self._kept, opened, question)
            batch.send(node)
            report = answer()
            if opened.months:  # the first view is shown at once
                self._reports.keep(opened, question, report)
        return replace(
            report,
            drops=drops(),
            drops_today={} if question.filters else add_tables([batch[of_today]]),
            now=count_now(*(batch[command] for command in here)),
        )

    def overviews(self) -> tuple[Overview, ...]:
        """Return an overview of every site, by name. Raises redis.RedisError."""
        return read_overviews(self._client)


def _add_drops(
    batch: Batch, opened: Opened, question: Question
) -> Callable[[], Mapping[str, int] | NotCounted]:
    """Add what was dropped; return what returns it once the batch is sent."""
    if question.filters:
        nothing = NotCounted("Filtered requests are not counted per page, referrer or campaign.")
        return lambda: nothing
    tables = [
        batch.add("HGETALL", _drops_key(opened, period))
        for period in question.days.periods(opened.now.date())
    ]
    return lambda: dict(add_tables(batch[table] for table in tables).most_common())


def _drops_key(opened: Opened, period: str) -> str:
    return f"{opened.site.key}:{period}:drops"


def _add_counts(
    batch: Batch, kept: TableSums, opened: Opened, question: Question
) -> Callable[[], Report]:
    """Add all that filters apply to; return what returns a report of it once the batch is sent."""
    # pylint: disable=too-many-locals  # one for each part of a report
    days = question.days
    try:
        selection = select(question.filters)
    except CannotCount as error:
        nothing = NotCounted(str(error))
        compared = nothing if question.compared else None
        return lambda: Report(nothing, compared, compared, nothing, nothing, nothing, nothing)
    days_before = before(days, question.interval, opened.now.date()).range(days)
    counts = DayCounts(batch, opened, [days, days_before] if days_before else [days])
    reader = CellReader(batch, kept, opened, counts.count)
    series = Series(batch, reader, opened, question, selection)
    panels = Panels(reader, days, selection)
    total, buckets = series.add_total(days), series.add_buckets()
    comparison = series.add_comparison(total)
    pages, referrers = panels.add_pages(), panels.add_referrers()
    campaigns = panels.add_campaigns()
    return lambda: Report(
        total(),
        *comparison(),
        buckets(),
        counted(pages),
        counted(referrers),
        counted(campaigns),
    )


def _check(days: Range) -> None:
    """Raise RangeError if the days cannot be days with views."""
    if not _FIRST_YEAR <= days.first.year <= days.last.year < days.first.year + _MOST_YEARS:
        raise RangeError(f"days are from {_FIRST_YEAR} on, at most {_MOST_YEARS} years, in order")
    if days.first > days.last:
        raise RangeError("the first day comes after the last")
