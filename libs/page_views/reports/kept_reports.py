"""Keep the last reports of a process, so that whoever asks the same again needs no table."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from libs.page_views.reports.answers import NotCounted, Opened, Question, Report

MOST_ROWS_KEPT = 50_000
"""How many rows the reports that are kept may have together; one needs some 250 bytes, and time
when Python looks for garbage."""

_ROWS_BESIDES = 500
"""What a report needs besides its tables, in rows."""

_BUCKET_SECONDS = 900
"""A bucket of a series begins with a quarter of an hour in every time zone."""


class _Kept(NamedTuple):
    opened: Opened
    seconds: float
    """When it was kept, as time.monotonic() says."""
    report: Report
    size: int
    """In rows."""


class KeptReports:
    """Reports that are kept until a view of the site is counted, and at least for a while."""

    def __init__(self, seconds: float) -> None:
        """Keep every report so many seconds, even if views are counted."""
        self._seconds = seconds
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()

    def find(self, opened: Opened, question: Question) -> Report | None:
        """Return the report of a site, if it is kept."""
        key = _key(opened, question)
        with self._lock:
            kept = self._kept.get(key)
            if not kept:
                return None
            self._kept.move_to_end(key)
        is_new = time.monotonic() < kept.seconds + self._seconds
        return kept.report if is_new or _counts(kept.opened) == _counts(opened) else None

    def keep(self, opened: Opened, question: Question, report: Report) -> None:
        """Keep a report of the site, which was opened before it was read."""
        key, size = _key(opened, question), _size(report)
        with self._lock:
            if key in self._kept:
                self._rows -= self._kept.pop(key).size
            self._kept[key] = _Kept(opened, time.monotonic(), report, size)
            self._rows += size
            while self._rows > MOST_ROWS_KEPT:
                self._rows -= self._kept.popitem(last=False)[1].size


def _key(opened: Opened, question: Question) -> Hashable:
    """Return what a report is of. After a correction, or with time, it is of something else."""
    time_now = opened.now.timestamp() // _BUCKET_SECONDS
    return opened.site, opened.corrections, time_now, question


def _counts(opened: Opened) -> object:
    """Return what every view changes."""
    return opened.months, opened.days


def _size(report: Report) -> int:
    tables = (report.pages, report.referrers, report.campaigns)
    return _ROWS_BESIDES + sum(len(table) for table in tables if not isinstance(table, NotCounted))
