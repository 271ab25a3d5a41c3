"""Read what a page shows from its address, and write addresses of what else it could show.

The query holds everything, so a copied address shows the same view to somebody else:

    range=today|7|30|90|year, or from=2026-11-01&to=2026-11-25, or day=2026-11-25
    by=hour|day|month
    compare=0
    page=/a&not-page=/b, referrer=…, campaign=…, each as often as wanted
    filter=page&row=/a, which a form adds to these

What it leaves out is chosen: the last 30 days, or today for a site that is new.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from libs.page_views.reading import Kind, Range, first_day_kept
from libs.page_views.reports.answers import Filter, Interval, Question

RANGES = {"today": 1, "7": 7, "30": 30, "90": 90, "year": 12}
"""How many days they have, today included; of year, how many months."""

MOST_BARS = 400

MOST_FILTERS = 50
"""How many rows an address may filter by."""

FIRST_DATE = date(1970, 1, 1)

_KINDS = {"page": Kind.PAGES, "referrer": Kind.REFERRERS, "campaign": Kind.CAMPAIGNS}
NAMES = {kind: name for name, kind in _KINDS.items()}
"""How the address calls what it filters by."""
_MOST_HOURLY_DAYS = MOST_BARS // 25


class InvalidAddress(ValueError):
    """An address that asks for nothing that can be shown; the sentence says what can."""


@dataclass(frozen=True)
class Address:
    """What the query of an address asks for."""

    today: date
    """The date in the time zone of the site."""
    range: str = ""
    """A key of RANGES, or "" if first and last were given."""
    first: date = FIRST_DATE
    last: date = FIRST_DATE
    by: Interval | None = None
    compared: bool = True
    filters: tuple[Filter, ...] = ()

    @property
    def days(self) -> Range:
        """The days that are asked for, not later than today."""
        return Range(self.first, self.last)

    @property
    def intervals(self) -> list[Interval]:
        """How the days can be divided into at most 400 bars."""
        length = (self.last - self.first).days + 1
        fits = {Interval.HOUR: _MOST_HOURLY_DAYS, Interval.DAY: MOST_BARS}
        return [interval for interval in Interval if length <= fits.get(interval, length)]

    @property
    def interval(self) -> Interval:
        """How the days are divided; hours only if nothing is filtered, since they count all."""
        if self.by:
            return self.by
        length = (self.last - self.first).days + 1
        if length <= 2 and not self.filters:
            return Interval.HOUR
        return Interval.DAY if length <= 92 else Interval.MONTH

    @property
    def question(self) -> Question:
        """What to ask a libs.page_views.reports.reader.Reader."""
        return Question(self.days, self.interval, self.filters, self.compared)

    @property
    def query(self) -> str:
        """The query of this address, with its question mark."""
        return f"?{urlencode(self.parameters, safe='/:')}"

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The parameters of this address."""
        if self.range:
            days = [("range", self.range)]
        elif self.first == self.last:
            days = [("day", f"{self.first}")]
        else:
            days = [("from", f"{self.first}"), ("to", f"{self.last}")]
        if self.by:
            days.append(("by", self.by.value))
        return [*days, *self.choices]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The parameters of this address but for its days."""
        parts = [] if self.compared else [("compare", "0")]
        for chosen in self.filters:
            name = f"not-{NAMES[chosen.kind]}" if chosen.negated else NAMES[chosen.kind]
            parts += [(name, row) for row in chosen.rows]
        return parts

    def of(self, name: str) -> "Address":
        """Return the address of a range with this name."""
        first, last = _days(name, self.today)
        return self._over(first, last, name)

    def between(self, first: date, last: date) -> "Address":
        """Return the address of these days, divided as fits."""
        return self._over(first, min(last, self.today), "")

    def queries(self) -> Callable[[date, date], str]:
        """Return what returns the query of some days with the same filters, divided as fits.

        For many days, this takes much less time than between().
        """
        choices = f"&{urlencode(self.choices, safe='/:')}" if self.choices else ""

        def query(first: date, last: date) -> str:
            last = min(last, self.today)
            days = f"day={first}" if first == last else f"from={first}&to={last}"
            return f"?{days}{choices}"

        return query

    def moved(self, periods: int) -> "Address | None":
        """Return the address of days so many periods later, or None if these cannot be shown.

        Whole months move by months.
        """
        next_day = self.last + timedelta(days=1)
        if self.first.day == 1 and (next_day.day == 1 or self.range == "year"):
            months = 12 * (self.last.year - self.first.year) + self.last.month - self.first.month
            first = _month(self.first, periods * (months + 1))
            last = _month(first, months + 1) - timedelta(days=1)
        else:
            days = (self.last - self.first + timedelta(days=1)) * periods
            first, last = self.first + days, self.last + days
            if first < first_day_kept(self.today):  # only as months
                return None
        if first > self.today or first < FIRST_DATE:
            return None
        name = next((name for name in RANGES if _days(name, self.today) == (first, last)), "")
        return self._over(first, min(last, self.today), name)

    def by_interval(self, interval: Interval) -> "Address":
        """Return the address with bars of that length."""
        return replace(self, by=interval)

    def comparing(self, compared: bool) -> "Address":
        """Return the address with or without the days before."""
        return replace(self, compared=compared)

    def filtered(self, kind: Kind, row: str, negated: bool = False) -> "Address":
        """Return the address that also filters by a row; what was said of it before is dropped."""
        others = self.without(kind, row).filters
        same = [each for each in others if (each.kind, each.negated) == (kind, negated)]
        rows = (*(same[0].rows if same else ()), row)
        kept = [each for each in others if each not in same]
        by = None if self.by is Interval.HOUR else self.by  # hours count everything
        return replace(self, by=by, filters=(*kept, Filter(kind, rows, negated)))

    def without(self, kind: Kind, row: str) -> "Address":
        """Return the address that does not filter by a row."""
        kept = [
            (
                replace(each, rows=tuple(other for other in each.rows if other != row))
                if each.kind is kind
                else each
            )
            for each in self.filters
        ]
        return replace(self, filters=tuple(each for each in kept if each.rows))

    def unfiltered(self) -> "Address":
        """Return the address of everything."""
        return replace(self, filters=())

    def _over(self, first: date, last: date, name: str) -> "Address":
        moved = replace(self, first=first, last=last, range=name)
        return moved if moved.by in moved.intervals else replace(moved, by=None)


def read_address(query: MultiDict[str, str], today: date, is_new: bool) -> Address:
    """Return what a query asks for; is_new is whether the site has views of today only.

    Raises InvalidAddress. Parameters of other names are left to others.
    """
    default = "today" if is_new else "30"
    if query.keys() & {"from", "to", "day"}:
        first, last, name = *_own_days(query, today), ""
    else:
        name = query.get("range", default)
        if name not in RANGES:
            names = ", ".join(RANGES)
            raise InvalidAddress(f"There is no range {name[:50]!r}; choose one of {names}.")
        first, last = _days(name, today)
    address = Address(today, name, first, last, None, query.get("compare") != "0", _filters(query))
    if "by" in query:
        by = query["by"]
        interval = next((each for each in Interval if each.value == by), None)
        if interval not in address.intervals:
            raise InvalidAddress(
                f"These days cannot be divided by {by[:50]!r}; choose a shorter range, or"
                f" {' or '.join(each.value for each in address.intervals)}."
            )
        address = replace(address, by=interval)
    if "filter" in query:
        return _with_filter(address, query["filter"], query.get("row", ""))
    return address


def _with_filter(address: Address, name: str, row: str) -> Address:
    """Add the filter that a form names."""
    kind = _KINDS.get(name.removeprefix("not-"))
    if not kind or not row:
        raise InvalidAddress("A filter has a name and a row; choose those of the form.")
    return address.filtered(kind, row, name.startswith("not-"))


def _days(name: str, today: date) -> tuple[date, date]:
    """Return the first and last day of a range of RANGES."""
    if name == "year":
        return _month(today, 1 - RANGES[name]), today
    return today - timedelta(days=RANGES[name] - 1), today


def _month(day: date, months: int) -> date:
    """Return the first day of the month that is so many months later."""
    month = 12 * day.year + day.month - 1 + months
    return date(month // 12, month % 12 + 1, 1)


def _own_days(query: MultiDict[str, str], today: date) -> tuple[date, date]:
    day = query.get("day")
    first = _date(day or query.get("from") or query.get("to", ""))
    last = _date(day or query.get("to") or f"{today}")
    if first > today:
        raise InvalidAddress(f"Nothing has been counted after today, which is {today}.")
    if last < first:
        raise InvalidAddress(f"The range begins on {first} but ends before, on {last}.")
    return first, min(last, today)


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day and day >= FIRST_DATE:
        return day
    raise InvalidAddress(f"{text[:50]!r} is no date such as 2026-11-25, of 1970 or later.")


def _filters(query: MultiDict[str, str]) -> tuple[Filter, ...]:
    filters = []
    for name, kind in _KINDS.items():
        for negated in (False, True):
            given = query.getlist(f"not-{name}" if negated else name)
            if rows := tuple(dict.fromkeys(filter(None, given))):
                filters.append(Filter(kind, rows, negated))
    if sum(len(each.rows) for each in filters) > MOST_FILTERS:
        raise InvalidAddress(f"A page can be filtered by at most {MOST_FILTERS} rows.")
    return tuple(filters)
