"""Cut days into buckets, and find the period before."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo

from libs.page_views.reading import Range
from libs.page_views.reports.answers import Interval

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Piece:
    """What a bucket is of. Its times are in the time zone of the site."""

    start: datetime
    end: datetime
    days: Range
    """Its days; the day of an hour."""


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins, in UTC."""
    return datetime.combine(day, datetime.min.time(), zone).astimezone(timezone.utc)


def number_of_buckets(days: Range, interval: Interval) -> int:
    """Return about how many buckets there are."""
    number = (days.last - days.first).days + 1
    each = {Interval.HOUR: 1 / 24, Interval.DAY: 1, Interval.MONTH: 30}
    return round(number / each[interval])


def cut(days: Range, interval: Interval, zone: tzinfo) -> Iterator[Piece]:
    """Yield the buckets of these days. The first and last month may be parts.

    Hours are those of UTC, and belong to the day in which they begin.
    """
    if interval is Interval.HOUR:
        hour, end = midnight(days.first, zone), midnight(days.last + _DAY, zone)
        hour += timedelta(minutes=-hour.minute % 60)
        while hour < end:
            start = hour.astimezone(zone)
            yield Piece(start, (hour + _HOUR).astimezone(zone), Range(start.date(), start.date()))
            hour += _HOUR
        return
    first = days.first
    while first <= days.last:
        last = first if interval is Interval.DAY else min(month_end(first), days.last)
        start, end = (midnight(day, zone).astimezone(zone) for day in (first, last + _DAY))
        yield Piece(start, end, Range(first, last))
        first = last + _DAY


@dataclass(frozen=True)
class Before:
    """How much earlier the period before is: so many months, or days."""

    months: int = 0
    days: int = 0

    def day(self, day: date) -> date | None:
        """Return the day at the same place; None if there is none, as before 29 February."""
        if self.days:
            return day - timedelta(days=self.days)
        first = self._month(day)
        return first.replace(day=day.day) if day.day <= month_end(first).day else None

    def range(self, days: Range) -> Range | None:
        """Return the days at the same place; those of a whole month are all of the month before."""
        first, last = self.day(days.first), self.day(days.last)
        if self.months and days.first < days.last and (last is None or _is_month_end(days.last)):
            last = month_end(self._month(days.last))
        return Range(first, last) if first and last else None

    def hour(self, hour: datetime) -> datetime | None:
        """Return, in UTC, the hour that a clock called the same, in the time zone of the hour.

        None if there is none, or another, as where clocks are changed.
        """
        day = self.day(hour.date())
        if day is None or hour.fold:
            return None
        earlier = datetime.combine(day, hour.time(), hour.tzinfo).astimezone(timezone.utc)
        exists = earlier.astimezone(hour.tzinfo).time() == hour.time()
        return earlier if exists and not earlier.minute else None

    def _month(self, day: date) -> date:
        year, month = divmod(12 * day.year + day.month - 1 - self.months, 12)
        return date(year, month + 1, 1)


def before(days: Range, interval: Interval, today: date) -> Before:
    """Return how much earlier the period before is.

    Before whole months come as many months, and before a whole year the same days of another, so
    that nothing shifts after 29 February. Before other days come as many days. If buckets are
    months, the last may be this one, until today.
    """
    after = days.last + _DAY
    months = 12 * (after.year - days.first.year) + after.month - days.first.month
    if months and after.day == days.first.day and (after.day == 1 or not months % 12):
        return Before(months=months)
    if days.first.day == 1 and interval is Interval.MONTH and days.last == today:
        return Before(months=months + 1)
    return Before(days=(days.last - days.first).days + 1)


def hours_so_far(now: datetime, earlier: Before) -> tuple[list[datetime], list[datetime]] | None:
    """Return the hours of today that are over, in UTC, and those of the day before until then.

    now is in the time zone of the site. None if one of these days begins within an hour.
    """
    day_before = earlier.day(now.date())
    end = now.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)
    end_before = earlier.hour(end.astimezone(now.tzinfo))
    if day_before is None or end_before is None or now.tzinfo is None:
        return None
    begin, begin_before = midnight(now.date(), now.tzinfo), midnight(day_before, now.tzinfo)
    if begin.minute or begin_before.minute:
        return None
    return _hours(begin, end), _hours(begin_before, end_before)


def month_end(day: date) -> date:
    """Return the last day of the month of a day."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def _is_month_end(day: date) -> bool:
    return day == month_end(day)


def _hours(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + i * _HOUR for i in range((end - begin) // _HOUR)]
