"""List the pages, referrers and campaigns of what filters select.

Each list of pages and of referrers has as many views as the total, since what is not told apart is
in the row OTHER. Only if the total may be more, the rows may have more in fact.
"""

from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from libs.page_views.reading import OTHER, Kind, Range
from libs.page_views.reports.answers import DIRECT, Measure, NotCounted, Table
from libs.page_views.reports.cells import CellReader
from libs.page_views.reports.selection import ANY, CannotCount, Choice, Selection
from libs.page_views.reports.table_sums import Sums

_TOO_MANY = (
    "There were too many pages and referrers to tell all of them apart: ask for fewer days, or for"
    " a page or referrer that is not left out."
)

Rows = dict[str, Measure]


class Panels:
    """Lists of one selection and range."""

    def __init__(self, reader: CellReader, days: Range, selection: Selection) -> None:
        """List with this reader. Raises RangeError."""
        self._reader = reader
        self._days = days
        self._selection = selection
        self._cells = reader.add(days, selection, days)

    def add_pages(self) -> Callable[[], Table]:
        """Add what is needed to the batch; return what returns the list. Raises RangeError."""
        pages, referrers = self._pages(), self._selection.referrers
        if pages is None:
            return _not_counted("Pages are not counted per campaign.")
        if not pages.negated:
            return lambda: self._chosen(self._first, pages)
        sums = self._reader.add_sums(Kind.PAGES, self._days)
        if not referrers:
            return lambda: self._complete(_rows(sums()), pages.rows)
        is_exact, pairs = self._add_pairs()

        def rows() -> Table:
            linked = _linked(pairs(), Kind.PAGES, referrers.rows)
            if not referrers.negated and DIRECT not in referrers.rows:
                return self._complete(linked if is_exact() else _at_least(linked), pages.rows)
            if not is_exact() or sums().is_full:
                raise CannotCount(_TOO_MANY)
            views = Counter({row: measure.views for row, measure in linked.items()})
            if DIRECT in referrers.rows:
                views.update(sums().views)
                views.subtract(_views_by_page(pairs()))
            if referrers.negated:
                views = Counter(sums().views) - views
            return self._complete(_measures(views), pages.rows)

        return rows

    def add_referrers(self) -> Callable[[], Table]:
        """Do the same for referrers."""
        pages, referrers = self._pages(), self._selection.referrers
        if pages is None:
            return _not_counted("Referrers are not counted per campaign.")
        if not referrers.negated:
            return lambda: self._chosen(self._referrer, referrers)
        sums = self._reader.add_sums(Kind.REFERRERS, self._days)
        if not pages:
            return lambda: self._complete(
                {**_rows(sums()), DIRECT: self._direct(sums())}, referrers.rows
            )
        is_exact, pairs = self._add_pairs()

        def rows() -> Table:
            linked = _linked(pairs(), Kind.REFERRERS, pages.rows)
            of_pages = [self._cells()[page, ANY] for page in pages.rows]
            views = Counter({row: measure.views for row, measure in linked.items()})
            direct = sum(measure.views for measure in of_pages) - views.total()
            are_known = is_exact() and not any(measure.may_be_more for measure in of_pages)
            if not pages.negated:
                if are_known:
                    linked[DIRECT] = Measure(direct)
                return self._complete(linked if is_exact() else _at_least(linked), referrers.rows)
            if not are_known or sums().is_full:
                raise CannotCount(_TOO_MANY)
            rest = _measures(Counter(sums().views) - views)
            rest[DIRECT] = Measure(self._direct(sums()).views - direct)
            return self._complete(rest, referrers.rows)

        return rows

    def add_campaigns(self) -> Callable[[], Table]:
        """Do the same for campaigns. Views without one are in no row."""
        selection = self._selection
        if selection.kind is Kind.PAGES and (selection.first or selection.referrers):
            return _not_counted("Campaigns are not counted per page or referrer.")
        campaigns = selection.first
        if not campaigns.negated:
            return lambda: self._chosen(self._first, campaigns)
        sums = self._reader.add_sums(Kind.CAMPAIGNS, self._days)
        return lambda: _sorted(_rows(sums()), campaigns.rows)

    def _pages(self) -> Choice | None:
        """Return the choice of pages, or None if campaigns are chosen instead."""
        return self._selection.first if self._selection.kind is Kind.PAGES else None

    def _chosen(self, select: Callable[[str], Selection], choice: Choice) -> Table:
        """Return the rows that were chosen, and no others; select returns how to count one."""
        cells = self._cells()
        return _sorted({row: select(row).measure(cells) for row in choice.rows})

    def _first(self, row: str) -> Selection:
        return replace(self._selection, first=Choice((row,), negated=False))

    def _referrer(self, row: str) -> Selection:
        return replace(self._selection, referrers=Choice((row,), negated=False))

    def _add_pairs(self) -> tuple[Callable[[], bool], Callable[[], Sums]]:
        """Add the pairs; return what returns whether they are all known, and what returns them."""
        pairs = self._reader.add_sums(Kind.PAIRS, self._days)
        lacks_pairs = self._reader.add_lacks_pairs(self._days)
        return lambda: not lacks_pairs() and not pairs().is_full, pairs

    def _direct(self, referrers: Sums) -> Measure:
        return Measure(max(0, self._cells()[ANY, ANY].views - referrers.total))

    def _complete(self, rows: Rows, excluded: Container[str]) -> Table:
        """Sort rows, without those that are excluded; OTHER gets what is left of the total."""
        total = self._selection.measure(self._cells()).views
        known = sum(
            measure.views for row, measure in rows.items() if row != OTHER and row not in excluded
        )
        other = rows.get(OTHER)
        if other is None or other.views != total - known:
            rows = {**rows, OTHER: Measure(max(0, total - known))}
        return _sorted(rows, excluded)


def _not_counted(reason: str) -> Callable[[], Table]:
    return lambda: NotCounted(reason)


def _rows(sums: Sums) -> Rows:
    visitors = sums.visitors
    return {row: Measure(views, visitors.get(row, 0)) for row, views in sums.views.items()}


def _measures(views: Mapping[str, int]) -> Rows:
    return {row: Measure(count) for row, count in views.items()}


def _at_least(rows: Rows) -> Rows:
    return {row: measure._replace(may_be_more=True) for row, measure in rows.items()}


def _linked(pairs: Sums, kind: Kind, chosen: tuple[str, ...]) -> Rows:
    """Return the counts of a kind of rows, PAGES or REFERRERS, in pairs with a chosen one."""
    rows: Rows = {}
    wanted = set(chosen)
    for pair, views in pairs.views.items():
        row, _, other = pair.rpartition(" ")
        if kind is Kind.REFERRERS:
            row, other = other, row
        if other in wanted and pair != OTHER:
            if len(wanted) == 1:
                rows[row] = Measure(views, pairs.visitors.get(pair, 0))
            else:
                rows[row] = Measure(views + (rows[row].views if row in rows else 0))
    return rows


def _views_by_page(pairs: Sums) -> Counter[str]:
    views: Counter[str] = Counter()
    for pair, count in pairs.views.items():
        views[pair.rpartition(" ")[0]] += count
    return views


def _sorted(rows: Rows, excluded: Container[str] = ()) -> Rows:
    """Return rows without those that are excluded or have no views, the most viewed first."""
    kept = [each for each in rows.items() if each[1].views > 0 and each[0] not in excluded]
    return dict(sorted(kept, key=lambda each: -each[1].views))
