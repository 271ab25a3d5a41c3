"""Tests that everything read about a site equals what a simple model in Python has counted."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from itertools import chain
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.page_views import reading, recording
from libs.page_views.reading import OTHER, Count, Kind, Range
from libs.page_views.recording import COUNTED, RATE_LIMIT, Recorder, View
from libs.page_views.registry import Site, add_site
from libs.page_views.visitors import Client

DAYS = 45
CLIENT_LIMIT = 5
SITE_LIMIT = 12
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia"]
PATHS = ["/", "/a", "/b", "/c%20d"]
MOST_ROWS: dict[str, dict[str, int]] = {
    "pages": {"day": 2, "month": 3},
    "referrers": {"day": 1, "month": 2},
    "campaigns": {"day": 1, "month": 1},
    "pairs": {"day": 2, "month": 3},
}
CLIENTS = [Client(bytes([10, 0, 0, number // 2]), f"browser {number}") for number in range(4)]
NOW = datetime.now(timezone.utc)

views = st.builds(
    View,
    path=st.sampled_from(PATHS),
    time=st.floats(0, DAYS * 86400).map(lambda ago: NOW.timestamp() - ago),
    client=st.sampled_from([None, *CLIENTS]),
    referrer=st.sampled_from(["", "", "r.example", "s.example", "t.example"]),
    campaign=st.sampled_from(["", "", "spring", "autumn"]),
    dropped=st.sampled_from(["", "", "", "bot", "prefetch"]),
    nonce=st.integers(0, 30).map(str),
)


@dataclass
class Row:
    """A row of a table."""

    views: int = 0
    visitors: int = 0
    seen: set[tuple[Client, date]] = field(default_factory=set)
    """The visitors, where they are told apart."""


class Model:
    """What Redis should hold of one site."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.outcomes: dict[str, str] = {}
        self.tables: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
        self.drops: dict[str, Counter[str]] = defaultdict(Counter)
        self.used: Counter[object] = Counter()

    def day(self, view: View) -> date:
        """Return the day of a view in the site's time zone."""
        return datetime.fromtimestamp(view.time, self.zone).date()

    def record(self, batch: Sequence[View]) -> list[str]:
        """Count a batch; return the outcomes."""
        visits: dict[tuple[str, str, date], list[tuple[View, list[Row]]]] = defaultdict(list)
        for view in batch:
            if view.nonce not in self.outcomes:
                outcome = view.dropped or self._limited(view) or COUNTED
                self.outcomes[view.nonce] = outcome
                if outcome == COUNTED:
                    for (kind, item), rows in self._count(view).items():
                        visits[kind, item, self.day(view)].append((view, rows))
                else:
                    for period in ("all", f"{self.day(view):%Y-%m}", f"{self.day(view)}"):
                        self.drops[period][outcome] += 1
        for view, rows in chain(*visits.values()):
            visitor = view.client and (view.client, self.day(view))
            if visitor and visitor not in rows[0].seen:
                rows[0].seen.add(visitor)
                for row in rows:
                    row.visitors += 1
        return [self.outcomes[view.nonce] for view in batch]

    def _limited(self, view: View) -> str:
        if view.client is None:
            return ""
        client = view.client.network
        self.used[client] += 1
        if self.used[client] > CLIENT_LIMIT:
            return RATE_LIMIT
        self.used["site"] += 1
        return RATE_LIMIT if self.used["site"] > SITE_LIMIT else ""

    def _count(self, view: View) -> dict[tuple[str, str], list[Row]]:
        """Add the view to its rows; return those of each item, the one that sees visitors first."""
        day = self.day(view)
        hour = datetime.fromtimestamp(view.time, timezone.utc)
        periods = [f"{day}", f"{day:%Y-%m}", "all"]
        items = {
            ("days", f"{day}"): ["all"],
            ("hours", f"{hour:%Y-%m-%d %H}"): ["all"],
            ("pages", view.path): periods,
        }
        if view.campaign:
            items["campaigns", view.campaign] = periods
        if view.referrer:
            items["referrers", view.referrer] = periods
            items["pairs", f"{view.path} {view.referrer}"] = periods[:2]
        rows_of = {
            (kind, item): [self._row(kind, item, period) for period in of_item]
            for (kind, item), of_item in items.items()
        }
        for row in chain(*rows_of.values()):
            row.views += 1
        return rows_of

    def _row(self, kind: str, item: str, period: str) -> Row:
        table = self.tables[period, kind]
        if most := MOST_ROWS.get(kind):
            is_full = len(table) >= most["day" if len(period) == len("2026-11-25") else "month"]
            item = OTHER if is_full and item not in table else item
        return table.setdefault(item, Row())

    def rows(self, kind: str, periods: Iterable[str] = ("all",)) -> dict[str, Count]:
        """Return the count of each row in the tables of all periods together."""
        found: dict[str, Count] = {}
        for period in periods:
            for item, row in self.tables[period, kind].items():
                found[item] = add([found.get(item, Count()), Count(row.views, row.visitors)])
        return found


def add(counts: Iterable[Count]) -> Count:
    """Return the sum."""
    counts = list(counts)
    return Count(sum(count.views for count in counts), sum(count.visitors for count in counts))


def dates(days: Range) -> list[date]:
    """Return the days of a range."""
    return [days.first + timedelta(days=i) for i in range((days.last - days.first).days + 1)]


def periods_of(days: Range, current: date) -> set[str]:
    """Return the names of the whole months in a range, and of its other days, until today."""
    wanted = [day for day in dates(days) if day <= current]
    months = Counter(f"{day:%Y-%m}" for day in wanted)
    whole = {
        f"{day:%Y-%m}"
        for day in dates(Range(wanted[0].replace(day=1), current))
        if day == current or (day + timedelta(days=1)).day == 1
        if months[f"{day:%Y-%m}"] == day.day
    }
    return whole | {f"{day}" for day in wanted if f"{day:%Y-%m}" not in whole}


def check(client: redis.Redis, site: Site, model: Model, days: Range) -> None:
    """Compare all that can be read, over all time and over a range, with the model."""
    periods = periods_of(days, reading.today(site))
    by_day = {date.fromisoformat(day): count for day, count in model.rows("days").items()}
    total = add(by_day.values())
    assert reading.totals(client, site) == total
    for path in PATHS:
        assert reading.totals(client, site, path) == model.rows("pages").get(path, Count())
        assert reading.by_day(client, site, days, path) == {
            day: model.rows("pages", [f"{day}"]).get(path, Count()) for day in dates(days)
        }
    for kind in Kind:
        assert reading.rows(client, site, kind, days) == model.rows(kind.value, periods)
        assert reading.rows(client, site, kind) == (
            {} if kind is Kind.PAIRS else model.rows(kind.value)
        )
    for pages in (reading.rows(client, site, Kind.PAGES), model.rows("pages")):
        assert sum(count.views for count in pages.values()) == total.views
    months = sorted({day.replace(day=1) for day in by_day})
    assert list(reading.by_month(client, site).items()) == [
        (f"{first:%Y-%m}", add(by_day[day] for day in by_day if day.replace(day=1) == first))
        for first in months
    ]
    assert reading.by_day(client, site, days) == {
        day: by_day.get(day, Count()) for day in dates(days)
    }
    hours = reading.by_hour(client, site, days)
    known = model.rows("hours")
    assert hours == {hour: known.get(f"{hour:%Y-%m-%d %H}", Count()) for hour in hours}
    local_days = {hour.astimezone(site.zone).date() for hour in hours}
    assert local_days >= set(dates(days))
    assert reading.drops(client, site) == model.drops["all"]
    assert reading.drops(client, site, days) == sum(
        (model.drops[period] for period in periods), Counter()
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(ZONES),
    batches=st.lists(st.lists(views, max_size=12), max_size=6),
    days_ago=st.tuples(st.integers(0, DAYS), st.integers(0, DAYS)).map(sorted),
)
def test_should_read_what_a_model_has_counted(
    redis_client: redis.Redis, zone: str, batches: list[list[View]], days_ago: list[int]
) -> None:
    # Given
    limits = {"client_limit": CLIENT_LIMIT, "site_limit": SITE_LIMIT}
    site = add_site(redis_client, f"{uuid.uuid4()}.example", zone=zone, **limits)
    model = Model(site.zone)
    today = reading.today(site)
    days = Range(today - timedelta(days=days_ago[1]), today - timedelta(days=days_ago[0]))

    # When
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "MOST_ROWS", MOST_ROWS)
        patch.setattr(recording, "time", SimpleNamespace(time=NOW.timestamp))  # one minute for all
        recorder = Recorder(redis_client)
        for batch in batches:
            # Then
            assert recorder.record(site.name, batch) == model.record(batch)
            check(redis_client, site, model, days)
