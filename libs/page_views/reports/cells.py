"""Read the cells that libs.page_views.reports.selection counts with: single rows, not whole tables.

Only views without a referrer (DIRECT) need whole tables, since no row counts them.
"""

from collections.abc import Callable
from functools import cache

from libs.page_views.reading import OTHER, Count, Kind, Range
from libs.page_views.reports.answers import DIRECT, Measure, Opened
from libs.page_views.reports.batch import Batch
from libs.page_views.reports.selection import ANY, CannotCount, Cell, Selection, add_over_time
from libs.page_views.reports.table_sums import Sums, TableSums

Cells = dict[Cell, Measure]


class CellReader:
    """Reads cells of one site in one batch."""

    def __init__(
        self, batch: Batch, kept: TableSums, opened: Opened, count: Callable[[Range], Count]
    ) -> None:
        """Read in this batch; count returns the count of the whole site once it is sent."""
        self._batch = batch
        self._kept = kept
        self._opened = opened
        self._count = count
        self._sums: dict[tuple[Kind, Range], Callable[[], Sums]] = {}

    def periods(self, days: Range) -> list[str]:
        """Return the months and days that cover these days and have views. Raises RangeError."""
        return [
            period
            for period in days.periods(self._opened.now.date())
            if self._opened.is_current(period) or self._opened.count(period) != Count()
        ]

    def add_sums(self, kind: Kind, days: Range) -> Callable[[], Sums]:
        """Add whole tables to the batch; return what returns their sums. Raises RangeError."""
        if (kind, days) not in self._sums:
            periods = self.periods(days)
            self._sums[kind, days] = self._kept.add(self._batch, self._opened, kind, periods)
        return self._sums[kind, days]

    def add_lacks_pairs(self, days: Range) -> Callable[[], bool]:
        """Return what returns whether some views with a referrer have no pair.

        Imports of daily counts have none, and a page that is set back to 0 loses them. Raises
        RangeError.
        """
        pairs, referrers = self.add_sums(Kind.PAIRS, days), self.add_sums(Kind.REFERRERS, days)
        return lambda: pairs().total != referrers().total

    def add(self, days: Range, selection: Selection, within: Range) -> Callable[[], Cells]:
        """Add what a selection needs of these days; return what returns its cells.

        Whether pairs are missing is found out for the days of within together. Raises RangeError.
        What is returned raises CannotCount if DIRECT is not known of a page.
        """
        # pylint: disable=too-many-locals  # each kind of cell is read in its own way
        cells = selection.cells()
        if cells == [(ANY, ANY)]:  # each of 400 bars and those before asks for no more
            return lambda: {(ANY, ANY): _measure(self._count(days))}
        read: dict[Cell, Callable[[], Measure]] = {}
        for cell in cells:
            row, referrer = cell
            if cell == (ANY, ANY):
                read[cell] = lambda: _measure(self._count(days))
            elif cell == (ANY, DIRECT):
                read[cell] = self._add_direct(days)
            elif referrer == DIRECT:
                read[cell] = self._add_direct_of_page(days, row)
        rows = [row for row, referrer in cells if row != ANY and referrer == ANY]
        referrers = [
            referrer for row, referrer in cells if row == ANY and referrer not in (ANY, DIRECT)
        ]
        pairs = [cell for cell in cells if ANY not in cell and cell[1] != DIRECT]
        of_rows = self._add_rows(selection.kind, days, rows)
        of_referrers = self._add_rows(Kind.REFERRERS, days, referrers)
        of_pairs = self._add_rows(Kind.PAIRS, days, [" ".join(pair) for pair in pairs])
        lacks_pairs = self.add_lacks_pairs(within) if pairs else lambda: False

        @cache
        def found() -> Cells:
            measures = {cell: get() for cell, get in read.items()}
            measures |= {(row, ANY): measure for row, measure in zip(rows, of_rows())}
            measures |= {(ANY, row): measure for row, measure in zip(referrers, of_referrers())}
            lacks = lacks_pairs()
            for pair, measure in zip(pairs, of_pairs()):
                measures[pair] = measure._replace(may_be_more=measure.may_be_more or lacks)
            return measures

        return found

    def _add_rows(self, kind: Kind, days: Range, rows: list[str]) -> Callable[[], list[Measure]]:
        """Add single rows of the tables of these days."""
        if not rows:
            return list
        commands = []
        for period in self.periods(days):
            is_current = self._opened.is_current(period)
            add = self._batch.add_current if is_current else self._batch.add
            table = self._opened.table(period, kind)
            commands.append(
                (add("HMGET", table, *rows, OTHER), add("HMGET", f"{table}:visitors", *rows))
            )

        def measures() -> list[Measure]:
            found: list[list[Measure]] = [[] for _ in rows]
            for of_views, of_visitors in commands:
                *views, other = self._batch[of_views]
                for row, count, visitors in zip(found, views, self._batch[of_visitors]):
                    is_missing = count is None and other is not None
                    row.append(Measure(int(count or 0), int(visitors or 0), is_missing))
            return [add_over_time(row) for row in found]

        return measures

    def _add_direct(self, days: Range) -> Callable[[], Measure]:
        referrers = self.add_sums(Kind.REFERRERS, days)
        return lambda: Measure(max(0, self._count(days).views - referrers().total))

    def _add_direct_of_page(self, days: Range, page: str) -> Callable[[], Measure]:
        of_page = self._add_rows(Kind.PAGES, days, [page])
        pairs, lacks_pairs = self.add_sums(Kind.PAIRS, days), self.add_lacks_pairs(days)

        def measure() -> Measure:
            (page_measure,) = of_page()
            if lacks_pairs() or pairs().is_full or page_measure.may_be_more:
                raise CannotCount(
                    "In these days, not all referrers of each page are known, so neither is how"
                    " many views had none: filter by the page or by (direct), not by both."
                )
            linked = sum(
                views for pair, views in pairs().views.items() if pair.rpartition(" ")[0] == page
            )
            return Measure(page_measure.views - linked)

        return measure


def _measure(count: Count) -> Measure:
    return Measure(count.views, count.visitors)
