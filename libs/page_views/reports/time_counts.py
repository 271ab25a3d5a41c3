"""Count the views of a whole site by days and hours, from one batch."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timezone

from libs.page_views.reading import Count, Range, each_day, table_keys
from libs.page_views.reports.answers import Opened
from libs.page_views.reports.batch import Batch
from libs.page_views.reports.opening import MONTHS, counts, months_until


class DayCounts:
    """The counts of days: those that were opened, and this month's as it is now."""

    def __init__(self, batch: Batch, opened: Opened, ranges: Sequence[Range]) -> None:
        """Add what is missing for these ranges to the batch."""
        self._batch = batch
        self._days = dict(opened.days)
        current, *others = months_until(opened.now.date())[: MONTHS - 1]
        months = {
            month
            for month in opened.months
            if month not in others
            if any(f"{days.first:%Y-%m}" <= month <= f"{days.last:%Y-%m}" for days in ranges)
        }
        self._tables = [
            [
                batch.add_current("HGETALL", key)
                for key in table_keys(f"{opened.site.key}:{month}:days")
            ]
            for month in sorted(months | {current})
        ]

    def count(self, days: Range) -> Count:
        """Return the count of some of these days, once the batch is sent."""
        for tables in self._tables:
            of_month = counts(*(self._batch[table] for table in tables))
            self._days |= {date.fromisoformat(day): count for day, count in of_month.items()}
        self._tables.clear()
        if days.first == days.last:
            return self._days.get(days.first, Count())
        if not self._days:
            return Count()
        known = Range(max(days.first, min(self._days)), min(days.last, max(self._days)))
        found = [self._days[day] for day in each_day(known) if day in self._days]
        return Count(sum(day.views for day in found), sum(day.visitors for day in found))


class HourCounts:
    """The counts of hours of UTC."""

    def __init__(self, batch: Batch, opened: Opened, hours: Iterable[datetime]) -> None:
        """Add what is needed for these hours to the batch."""
        self._batch = batch
        self._tables = {}
        for day in {hour.astimezone(timezone.utc).date() for hour in hours}:
            keys = table_keys(f"{opened.site.key}:{day}:hours")
            self._tables[day] = [batch.add_current("HGETALL", key) for key in keys]

    def count(self, hour: datetime) -> Count:
        """Return the count of one of these hours, once the batch is sent."""
        hour = hour.astimezone(timezone.utc)
        row = b"%02d" % hour.hour
        return Count(*(int(self._batch[table].get(row, 0)) for table in self._tables[hour.date()]))
