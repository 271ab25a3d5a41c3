"""Count views under filters, from single rows of tables.

A filter of pages and one of referrers are counted together in four ways, all of them sums of cells:
a cell is the count of a page, of a referrer, of a pair of both, or of everything.

    is a, is r          (a, r)
    is a, is not r      (a, any) - (a, r)
    is not a, is r      (any, r) - (a, r)
    is not a, is not r  (any, any) - (a, any) - (any, r) + (a, r)

Campaigns are counted alone, so they take the place of pages here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from libs.page_views.reading import Kind
from libs.page_views.reports.answers import Filter, Measure, NotCounted

ANY = ""
"""Stands for all rows in a cell."""

_Counted = TypeVar("_Counted")

Cell = tuple[str, str]
"""A page or campaign, and a referrer; either may be ANY."""


class CannotCount(Exception):
    """What is asked is not kept; the message is a sentence that says so."""


def counted(count: Callable[[], _Counted]) -> _Counted | NotCounted:
    """Return what count() returns, or why that is not known."""
    try:
        return count()
    except CannotCount as error:
        return NotCounted(str(error))


@dataclass(frozen=True)
class Choice:
    """Which rows of one kind count."""

    rows: tuple[str, ...] = ()
    negated: bool = True
    """Whether these are the rows that do not count."""

    def __bool__(self) -> bool:
        """Return whether anything is left out."""
        return bool(self.rows) or not self.negated

    def signed(self) -> Iterable[tuple[int, str]]:
        """Return what to add (1) and to subtract (-1)."""
        if not self.negated:
            return [(1, row) for row in self.rows]
        return [(1, ANY), *((-1, row) for row in self.rows)]


@dataclass(frozen=True)
class Selection:
    """What all filters together select."""

    first: Choice
    """Of pages, or of campaigns."""
    referrers: Choice
    kind: Kind
    """What first is of."""

    def cells(self) -> list[Cell]:
        """Return the cells that measure() needs."""
        return [
            (row, other) for _, row in self.first.signed() for _, other in self.referrers.signed()
        ]

    def measure(self, cells: Mapping[Cell, Measure]) -> Measure:
        """Return the count of what is selected."""
        terms = [
            (sign * other_sign, cells[row, other])
            for sign, row in self.first.signed()
            for other_sign, other in self.referrers.signed()
        ]
        if len(terms) == 1:
            return terms[0][1]
        return Measure(
            sum(sign * cell.views for sign, cell in terms),
            None if terms else 0,
            any(cell.may_be_more for sign, cell in terms if sign > 0),
            any(cell.may_be_more for sign, cell in terms if sign < 0),
        )


def select(filters: Iterable[Filter]) -> Selection:
    """Return what filters select together. Raises CannotCount."""
    filters = list(filters)
    pages, referrers, campaigns = (
        _joined([each for each in filters if each.kind is kind])
        for kind in (Kind.PAGES, Kind.REFERRERS, Kind.CAMPAIGNS)
    )
    if not campaigns:
        return Selection(pages, referrers, Kind.PAGES)
    if pages or referrers:
        raise CannotCount(
            "Campaigns are not counted per page or referrer: filter by campaigns alone, or not."
        )
    return Selection(campaigns, Choice(), Kind.CAMPAIGNS)


def _joined(filters: list[Filter]) -> Choice:
    """Return which rows fit all filters of one kind."""
    unwanted = dict.fromkeys(row for each in filters if each.negated for row in each.rows)
    wanted = [each for each in filters if not each.negated]
    if not wanted:
        return Choice(tuple(unwanted))
    rows = dict.fromkeys(wanted[0].rows)
    for each in wanted[1:]:
        rows = dict.fromkeys(row for row in rows if row in each.rows)
    return Choice(tuple(row for row in rows if row not in unwanted), negated=False)


def add_over_time(measures: Iterable[Measure]) -> Measure:
    """Return the sum of one row's counts in several periods."""
    measures = list(measures)
    visitors = [measure.visitors for measure in measures if measure.visitors is not None]
    return Measure(
        sum(measure.views for measure in measures),
        sum(visitors) if len(visitors) == len(measures) else None,
        any(measure.may_be_more for measure in measures),
        any(measure.may_be_less for measure in measures),
    )
