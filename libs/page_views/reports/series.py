"""Count a selection over time, and compare it with the period before."""

from collections.abc import Callable
from datetime import datetime, timedelta

from libs.page_views.reading import Range, RangeError, first_day_kept
from libs.page_views.reports.answers import Bucket, Interval, Measure, NotCounted, Opened, Question
from libs.page_views.reports.batch import Batch
from libs.page_views.reports.buckets import (
    Piece,
    before,
    cut,
    hours_so_far,
    midnight,
    number_of_buckets,
)
from libs.page_views.reports.cells import CellReader
from libs.page_views.reports.selection import Selection, counted
from libs.page_views.reports.time_counts import HourCounts

MOST_BUCKETS = 400

Measured = Callable[[], Measure | NotCounted]
Compared = tuple[Measure | NotCounted | None, Measure | NotCounted | None]


class Series:
    """The buckets and the comparison that answer one question."""

    def __init__(
        self,
        batch: Batch,
        reader: CellReader,
        opened: Opened,
        question: Question,
        selection: Selection,
    ) -> None:
        """Add to this batch, and count with this reader."""
        self._batch = batch
        self._reader = reader
        self._opened = opened
        self._question = question
        self._selection = selection
        self._is_filtered = bool(selection.first or selection.referrers)
        self._before = before(question.days, question.interval, opened.now.date())

    def add_total(self, days: Range) -> Measured:
        """Add what is needed to the batch; return what returns the count. Raises RangeError."""
        return self._add(days, days)

    def add_buckets(self) -> Callable[[], tuple[Bucket, ...] | NotCounted]:
        """Do the same for the buckets. Raises no RangeError: then they are not counted."""
        question = self._question
        if number_of_buckets(question.days, question.interval) > MOST_BUCKETS:
            return _not_counted(
                f"At most {MOST_BUCKETS} {question.interval.value}s are shown: choose fewer days,"
                " or a longer interval."
            )
        pieces = list(cut(question.days, question.interval, self._opened.site.zone))
        if question.interval is Interval.HOUR:
            if self._is_filtered:
                return _not_counted(
                    "Hours are counted of the whole site only: choose days, or remove the filters."
                )
            return self._add_hours(pieces)
        try:
            measures = [self._add(piece.days, question.days) for piece in pieces]
        except RangeError as error:
            return _not_counted(f"{str(error).capitalize()}.")
        earlier = [self._add_before(piece.days) for piece in pieces]
        return lambda: self._series(
            pieces, [measure() for measure in measures], [measure() for measure in earlier]
        )

    def add_comparison(self, total: Measured) -> Callable[[], Compared]:
        """Do the same for what can be compared of the total, and of the days before."""
        days, today = self._question.days, self._opened.now.date()
        if not self._question.compared:
            return lambda: (None, None)
        if days.first >= today:
            return self._add_today()
        compared = total
        if days.last >= today:
            days = Range(days.first, today - timedelta(days=1))
            compared = self._add(days, self._question.days)
        earlier = self._add_before(days)
        return lambda: (compared(), earlier())

    def _add(self, days: Range, within: Range) -> Measured:
        cells = self._reader.add(days, self._selection, within)
        return lambda: counted(lambda: self._selection.measure(cells()))

    def _add_before(self, days: Range) -> Callable[[], Measure | NotCounted | None]:
        """Add what is needed to count the days before some of those of the question."""
        earlier = self._before.range(days) if self._question.compared else None
        whole = self._before.range(self._question.days)
        if earlier is None or whole is None:
            return lambda: None
        try:
            return self._add(earlier, whole)
        except RangeError as error:
            return _not_counted(f"{str(error).capitalize()}.")

    def _add_hours(self, pieces: list[Piece]) -> Callable[[], tuple[Bucket, ...] | NotCounted]:
        earlier = [self._hour_before(piece.start) for piece in pieces]
        wanted = [*(piece.start for piece in pieces), *filter(None, earlier)]
        hours = HourCounts(self._batch, self._opened, wanted)

        def measure(hour: datetime) -> Measure:
            count = hours.count(hour)
            return Measure(count.views, count.visitors)

        return lambda: self._series(
            pieces,
            [measure(piece.start) for piece in pieces],
            [measure(hour) if hour else None for hour in earlier],
        )

    def _hour_before(self, hour: datetime) -> datetime | None:
        earlier = self._before.hour(hour) if self._question.compared else None
        kept = midnight(first_day_kept(self._opened.now.date()), self._opened.site.zone)
        return earlier if earlier and earlier >= kept else None

    def _add_today(self) -> Callable[[], Compared]:
        """Compare the views of today until this hour."""
        if self._question.days.first > self._opened.now.date():
            return _uncompared("These days have not begun.")
        if self._is_filtered:
            return _uncompared(
                "Today is compared by hours, which are counted of the whole site only."
            )
        spans = hours_so_far(self._opened.now, self._before)
        if spans is None:
            return _uncompared(
                "The days of this site begin within an hour of UTC, so a part of one is not known."
            )
        counts = HourCounts(self._batch, self._opened, [hour for span in spans for hour in span])

        def compared() -> Compared:
            of_today, of_day_before = (
                Measure(sum(counts.count(hour).views for hour in span)) for span in spans
            )
            return of_today, of_day_before

        return compared

    def _series(
        self,
        pieces: list[Piece],
        measures: list[Measure | NotCounted],
        earlier: list[Measure | NotCounted | None],
    ) -> tuple[Bucket, ...] | NotCounted:
        buckets = []
        now = self._opened.now.timestamp()  # within one zone, Python compares what clocks show
        for piece, measure, measure_before in zip(pieces, measures, earlier):
            if isinstance(measure, NotCounted):
                return measure
            buckets.append(
                Bucket(
                    piece.start,
                    piece.end,
                    measure,
                    None if isinstance(measure_before, NotCounted) else measure_before,
                    so_far=piece.start.timestamp() <= now < piece.end.timestamp(),
                    future=piece.start.timestamp() > now,
                )
            )
        return tuple(buckets)


def _not_counted(reason: str) -> Callable[[], NotCounted]:
    return lambda: NotCounted(reason)


def _uncompared(reason: str) -> Callable[[], Compared]:
    return lambda: (NotCounted(reason), NotCounted(reason))
