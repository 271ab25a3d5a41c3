"""Add up whole tables, and keep the sums of those that are past.

A sum of past days and months is kept together with their totals. When a view of one of them arrives
late or is imported, its total changes, and the tables are read again. What changes rows but no
total, such as setting a page back to 0, is counted as a correction of the site, after which all its
tables are read again. Only rows that somebody changes in Redis by hand go unnoticed, until a total
changes, or the process ends.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property

from libs.page_views.reading import OTHER, Count, Kind, add_tables, table_keys
from libs.page_views.recording import MOST_ROWS
from libs.page_views.reports.answers import Opened
from libs.page_views.reports.batch import Batch

MOST_BYTES_KEPT = 60_000_000
"""How much memory the sums that a process keeps may need: those that were asked for last stay."""

_ROW_BYTES = 240
"""What a row of them needs besides its name, measured with CPython 3.11."""

_KEY_BYTES = 10_000
"""What the totals of two months of days need, which is the most that sums are kept for."""


@dataclass(frozen=True)
class Sums:
    """The rows of some tables, added up."""

    views: dict[str, int]
    visitors: dict[str, int]

    @cached_property
    def total(self) -> int:
        """Return the views of all rows."""
        return sum(self.views.values())

    @cached_property
    def size(self) -> int:
        """Return about how many bytes they need, with what they are kept by."""
        return _KEY_BYTES + _ROW_BYTES * len(self.views) + sum(map(len, self.views))

    @property
    def is_full(self) -> bool:
        """Return whether there was no room for some of the rows."""
        return OTHER in self.views


class TableSums:
    """The sums that one process keeps."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Sums] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(
        self, batch: Batch, opened: Opened, kind: Kind, periods: Iterable[str]
    ) -> Callable[[], Sums]:
        """Add what must be read to a batch; return what returns the sums once it is sent.

        The sums may be kept: do not change them.
        """
        counts = {period: opened.count(period) for period in periods}
        past = {
            period: count
            for period, count in counts.items()
            if count != Count() and not opened.is_current(period)
        }
        key = (opened.site.key, opened.corrections, kind, tuple(past.items()))
        kept = self._get(key) if past else Sums({}, {})
        names = [
            (table_keys(opened.table(period, kind)), _most_rows(kind, period, count))
            for period, count in past.items()
            if kept is None
        ]
        missing = [
            tuple(batch.add("HGETALL", table, rows=rows) for table in tables)
            for tables, rows in names
        ]
        current = [
            tuple(
                batch.add_current("HGETALL", table)
                for table in table_keys(opened.table(period, kind))
            )
            for period in counts
            if opened.is_current(period)
        ]

        @cache
        def sums() -> Sums:
            before = kept
            if before is None:
                views = add_tables(batch[of_views] for of_views, _ in missing)
                visitors = add_tables(batch[of_visitors] for _, of_visitors in missing)
                # Rows share their names, which need most of the memory.
                before = Sums(dict(views), {row: visitors[row] for row in views})
                self._keep(key, before)
            if not current:
                return before
            views = add_tables([batch[of_views] for of_views, _ in current])
            visitors = add_tables([batch[of_visitors] for _, of_visitors in current])
            return Sums(_added(before.views, views), _added(before.visitors, visitors))

        return sums

    def _get(self, key: Hashable) -> Sums | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Hashable, sums: Sums) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = sums
                self._bytes += sums.size
            while self._bytes > MOST_BYTES_KEPT:
                _, forgotten = self._kept.popitem(last=False)
                self._bytes -= forgotten.size


def _most_rows(kind: Kind, period: str, count: Count) -> int:
    """Return how many rows a table has at most that is of so many views."""
    most = MOST_ROWS[kind.value]["month" if len(period) == len("2026-11") else "day"]
    return min(count.views, most)


def _added(some: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """Return the sum of each row."""
    if not some:
        return more
    added = dict(some)
    for row, count in more.items():
        added[row] = added.get(row, 0) + count
    return added
