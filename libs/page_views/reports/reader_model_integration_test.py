"""Tests that reports have what a simple model in Python counts, under all filters and limits."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from itertools import chain

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.page_views import recording
from libs.page_views.reading import OTHER, Kind, Range
from libs.page_views.recording import MOST_ROWS, Recorder, View
from libs.page_views.registry import Site, add_site
from libs.page_views.reports.answers import (
    DIRECT,
    Filter,
    Interval,
    Measure,
    NotCounted,
    Question,
    Report,
    Table,
)
from libs.page_views.reports.buckets import before
from libs.page_views.reports.reader import Reader
from libs.page_views.visitors import Client

KATHMANDU = "Asia/Kathmandu"
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", KATHMANDU, "Pacific/Apia"]
DAYS_AGO = [0, 1, 31, 32, 61]
FEW_ROWS: dict[str, dict[str, int]] = {
    "pages": {"day": 1, "month": 2},
    "referrers": {"day": 1, "month": 2},
    "campaigns": {"day": 1, "month": 2},
    "pairs": {"day": 1, "month": 2},
}
CLIENTS = [Client(bytes([10, 0, 0, number]), "browser") for number in range(3)]
NOW = datetime.now(timezone.utc)

seconds_ago = st.tuples(st.sampled_from(DAYS_AGO), st.integers(0, 86_399)).map(
    lambda ago: ago[0] * 86_400 + ago[1]
)
views = st.builds(
    View,
    path=st.sampled_from(["/", "/a", "/b%20c"]),
    time=seconds_ago.map(lambda ago: NOW.timestamp() - ago),
    client=st.sampled_from([None, *CLIENTS]),
    referrer=st.sampled_from(["", "r.example", "s.example"]),
    campaign=st.sampled_from(["", "", "spring", "autumn"]),
)
ROWS = {
    Kind.PAGES: ["/", "/a", "/b%20c", "/none"],
    Kind.REFERRERS: [DIRECT, "r.example", "s.example", "none.example"],
    Kind.CAMPAIGNS: ["spring", "autumn", "none"],
}
ROW_OF: Mapping[Kind, Callable[[View], str]] = {
    Kind.PAGES: lambda view: view.path,
    Kind.REFERRERS: lambda view: view.referrer or DIRECT,
    Kind.CAMPAIGNS: lambda view: view.campaign,
}


def filters_of(*kinds: Kind) -> st.SearchStrategy[tuple[Filter, ...]]:
    """Return filters of some of these kinds, each at most once as it is and once negated."""

    def filters(kind: Kind, negated: bool) -> st.SearchStrategy[tuple[Filter, ...]]:
        rows = st.lists(st.sampled_from(ROWS[kind]), min_size=1, max_size=3, unique=True)
        return st.just(()) | rows.map(lambda found: (Filter(kind, tuple(found), negated),))

    each = [filters(kind, negated) for kind in kinds for negated in (False, True)]
    return st.tuples(*each).map(lambda found: tuple(chain(*found)))


def record(client: redis.Redis, zone: str, viewed: list[View], few: bool) -> tuple[Reader, Site]:
    """Record views of a new site, whose tables have few rows or as many as usual."""
    site = add_site(client, f"{uuid.uuid4()}.example", zone=zone, client_limit=0, site_limit=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "MOST_ROWS", FEW_ROWS if few else MOST_ROWS)
        Recorder(client).record(site.name, viewed)
    return Reader(client), site


def compared(days: Range, interval: Interval, today: date) -> tuple[Range, Range]:
    """Return the days that are compared if hours are not, and those before."""
    earlier = before(days, interval, today)
    until_yesterday = Range(days.first, min(days.last, today - timedelta(days=1)))
    return until_yesterday, earlier.range(until_yesterday) or until_yesterday


@dataclass
class Model:
    """Views of a site in a range."""

    site: Site
    views: list[View]

    def day(self, view: View) -> date:
        """Return the day of a view in the site's time zone."""
        return datetime.fromtimestamp(view.time, self.site.zone).date()

    def select(self, filters: Iterable[Filter]) -> "Model":
        """Return those views that fit all filters."""
        filters = list(filters)
        return Model(
            self.site,
            [
                view
                for view in self.views
                if all((ROW_OF[each.kind](view) in each.rows) != each.negated for each in filters)
            ],
        )

    def between(self, days: Range) -> "Model":
        """Return the views of some days."""
        return Model(
            self.site, [view for view in self.views if days.first <= self.day(view) <= days.last]
        )

    def visitors(self) -> int:
        """Return the number of visitors, each once a day."""
        return len({(view.client, self.day(view)) for view in self.views if view.client})


def fits(measure: Measure, model: Model) -> bool:
    """Return whether a measure says nothing wrong about what a model has."""
    viewed = len(model.views)
    exact = not measure.may_be_more and not measure.may_be_less
    return (
        (measure.may_be_more or measure.views >= viewed)
        and (measure.may_be_less or measure.views <= viewed)
        and (not exact or measure.visitors in (None, model.visitors()))
    )


def check_table(table: Table, kind: Kind, model: Model, filters: tuple[Filter, ...]) -> None:
    """Compare a list with the model of what is selected."""
    if isinstance(table, NotCounted):
        return
    assert list(table.values()) == sorted(table.values(), key=lambda measure: -measure.views)
    for each in filters:
        if each.kind is kind:
            assert all((row in each.rows) != each.negated for row in table.keys() - {OTHER})
            assert each.negated or OTHER not in table
    for row in table.keys() - {OTHER}:
        of_row = model.select([Filter(kind, (row,))])
        # What a row lacks is in OTHER.
        may_be_more = table[row].may_be_more or OTHER in table
        assert fits(table[row]._replace(may_be_more=may_be_more), of_row)


def check_series(report: Report, model: Model) -> None:
    """Compare the buckets with the model of what is selected on all days."""
    if isinstance(report.series, NotCounted):
        return
    buckets = report.series
    assert [bucket.end for bucket in buckets[:-1]] == [bucket.start for bucket in buckets[1:]]
    for bucket in buckets:
        found = [
            view
            for view in model.views
            if bucket.start.timestamp() <= view.time < bucket.end.timestamp()
        ]
        assert fits(bucket.measure, Model(model.site, found))


def check_counted(report: Report, question: Question, model: Model) -> None:
    """Check that all is counted, and exactly, if there is room for each row."""
    kinds = {each.kind for each in question.filters}
    if Kind.CAMPAIGNS in kinds and len(kinds) > 1:
        assert isinstance(report.total, NotCounted)
        return
    assert report.total == Measure(
        len(model.views), report.total.visitors if isinstance(report.total, Measure) else 0
    )
    is_of_hours = question.interval is Interval.HOUR
    is_long = (question.days.last - question.days.first).days > 15
    assert isinstance(report.series, NotCounted) == (is_of_hours and (bool(kinds) or is_long))
    if not is_of_hours or model.site.zone.key != KATHMANDU:
        assert report.unplaced == 0
    for kind, table in tables(report).items():
        assert isinstance(table, NotCounted) == bool(
            kinds and (kind is Kind.CAMPAIGNS) != (kinds == {Kind.CAMPAIGNS})
        )
        if not isinstance(table, NotCounted):
            rows = {ROW_OF[kind](view) for view in model.views} - {""}
            assert table.keys() == rows


def tables(report: Report) -> Mapping[Kind, Table]:
    """Return the lists of a report."""
    return {
        Kind.PAGES: report.pages,
        Kind.REFERRERS: report.referrers,
        Kind.CAMPAIGNS: report.campaigns,
    }


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(ZONES),
    viewed=st.lists(views, max_size=25),
    filters=filters_of(Kind.PAGES, Kind.REFERRERS)
    | filters_of(Kind.CAMPAIGNS)
    | filters_of(Kind.PAGES, Kind.REFERRERS, Kind.CAMPAIGNS),
    days_ago=st.tuples(st.sampled_from(DAYS_AGO), st.sampled_from(DAYS_AGO)).map(sorted),
    interval=st.sampled_from(Interval),
    few=st.sampled_from([True, True, False]),
)
# pylint: disable-next=too-many-arguments,too-many-positional-arguments,too-many-locals  # examples
def test_should_report_what_a_model_counts(
    redis_client: redis.Redis,
    zone: str,
    viewed: list[View],
    filters: tuple[Filter, ...],
    days_ago: list[int],
    interval: Interval,
    few: bool,
) -> None:
    # Given
    site = add_site(
        redis_client, f"{uuid.uuid4()}.example", zone=zone, client_limit=0, site_limit=0
    )
    reader = Reader(redis_client)
    today = reader.open(site.name).now.date()
    days = Range(today - timedelta(days=days_ago[1]), today - timedelta(days=days_ago[0]))

    # When
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "MOST_ROWS", FEW_ROWS if few else MOST_ROWS)
        Recorder(redis_client).record(site.name, viewed)

    # Then
    opened = reader.open(site.name)
    question = Question(days, interval, filters)
    report = reader.report(opened, question)
    everything = Model(site, viewed).select(filters)
    selected = everything.between(days)
    if isinstance(report.total, Measure):
        assert fits(report.total, selected)
        for table in (report.pages, report.referrers):
            if not isinstance(table, NotCounted):
                views_of_rows = sum(measure.views for measure in table.values())
                assert views_of_rows == report.total.views or report.total.may_be_more
    check_series(report, everything if interval is Interval.HOUR else selected)
    for kind, table in tables(report).items():
        check_table(table, kind, selected, filters)
    if not few:
        check_counted(report, question, selected)
    for measure, range_ in zip(
        (report.compared_total, report.before), compared(days, interval, today)
    ):
        if isinstance(measure, Measure) and days.first < today:
            assert fits(measure, everything.between(range_))
    assert reader.report(opened, question) == report  # of the sums that are kept


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(ZONES),
    viewed=st.lists(views, max_size=25),
    filters=st.sampled_from(list(ROWS)).flatmap(filters_of),
    few=st.sampled_from([True, True, False]),
)
def test_should_add_up_to_the_total_what_a_filter_selects_and_leaves_out(
    redis_client: redis.Redis, zone: str, viewed: list[View], filters: tuple[Filter, ...], few: bool
) -> None:
    reader, site = record(redis_client, zone, viewed, few)
    opened = reader.open(site.name)
    days = Range(opened.now.date() - timedelta(days=40), opened.now.date())
    inverted = tuple(replace(each, negated=not each.negated) for each in filters)
    totals = [
        reader.report(opened, Question(days, Interval.DAY, each)).total
        for each in ((), filters[:1], inverted[:1])
    ]
    total, *parts = [each.views for each in totals if isinstance(each, Measure)]
    assert sum(parts) == total if filters else parts == [total, total]
