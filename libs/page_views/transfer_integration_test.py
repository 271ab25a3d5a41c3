"""Tests of exports: what is loaded is what was exported, of a year and while views arrive."""

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import redis

from libs.page_views import maintenance, reading
from libs.page_views.checking import check_site
from libs.page_views.demonstration import demonstration
from libs.page_views.reading import Count, Kind, Range
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import (
    Site,
    SiteExists,
    add_site,
    all_sites,
    change_site,
    find_site,
)
from libs.page_views.site_settings import InvalidSetting
from libs.page_views.tokens import add_token, all_tokens, is_permitted
from libs.page_views.transfer import Record, TransferError, export_sites, load_sites
from libs.page_views.visitors import Client
from libs.redis_access.connection import connect

NAME = "example.org"


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    """Return a site with a year of views, seeded views, views of just now, and drops."""
    load_sites(redis_client, demonstration(NAME, datetime.now(timezone.utc), seed=1))
    site = find_site(redis_client, NAME)
    maintenance.seed(redis_client, site, "/before", Count(1000, 300))
    record(redis_client, [View("/é 1", time.time(), Client(b"1234", ""), "r.example", "c")])
    record(redis_client, [View("/", time.time(), dropped="prefetch")])
    return site


def record(client: redis.Redis, views: list[View]) -> None:
    """Record views of the site."""
    Recorder(client).record(NAME, views)


def answers(client: redis.Redis, site: Site, today: date) -> Iterator[Any]:
    """Yield all that libs.page_views.reading answers about a site, but who is here now."""
    ranges = [
        Range(today - timedelta(days=364), today),
        Range(today, today),
        Range(date(today.year, 1, 1), today),
    ]
    yield reading.totals(client, site)
    yield reading.by_month(client, site)
    yield reading.drops(client, site)
    yield [dict(reading.rows(client, site, kind)) for kind in Kind]
    for path in reading.rows(client, site, Kind.PAGES):
        yield path, reading.totals(client, site, path)
    for days in ranges:
        yield reading.drops(client, site, days)
        yield reading.by_day(client, site, days)
        yield reading.by_day(client, site, days, "/é 1")
        yield reading.by_hour(client, site, days)
        yield [dict(reading.rows(client, site, kind, days)) for kind in Kind]
        yield reading.rows_of(client, site, days, path="/")
        yield reading.rows_of(client, site, days, referrer="github.com")


def exported(client: redis.Redis) -> list[Record]:
    """Return an export of all sites, through JSON as in a file."""
    lines = [json.dumps(record) for record in export_sites(client, list(all_sites(client)))]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("replace", [False, True])
def test_should_load_exactly_what_was_exported(
    redis_client: redis.Redis, site: Site, replace: bool
) -> None:
    # Given
    change_site(redis_client, site, ignored_paths="/a*\n/b", embed_hosts="https://blog.example")
    site = find_site(redis_client, NAME)
    token = add_token(redis_client, site, "read", "for a test")
    tokens = all_tokens(redis_client, site)
    today = reading.today(site)
    before = list(answers(redis_client, site, today))
    export = exported(redis_client)
    if not replace:
        redis_client.flushall()

    # When
    names = load_sites(redis_client, export, replace)

    # Then
    loaded = find_site(redis_client, NAME)
    assert names == [NAME]
    assert dataclasses.replace(loaded, key=site.key) == site
    assert list(answers(redis_client, loaded, today)) == before
    assert exported(redis_client) == export
    assert all_tokens(redis_client, loaded) == tokens
    assert is_permitted(redis_client, loaded, token, "read")
    assert len(list(redis_client.scan_iter(f"{site.key}*"))) == 0 or not replace


def test_should_let_days_expire_when_they_would_have(redis_client: redis.Redis, site: Site) -> None:
    tables = [f"{name}:pages" for name in ("all", f"{reading.today(site)}")]
    before = [redis_client.expiretime(f"{site.key}:{table}") for table in tables]
    load_sites(redis_client, exported(redis_client), replace=True)
    after = [
        redis_client.expiretime(f"{find_site(redis_client, NAME).key}:{table}") for table in tables
    ]
    assert before == after
    assert after[0] == -1 < after[1]


def test_should_carry_over_nothing_that_tells_visitors_apart(
    redis_client: redis.Redis, site: Site
) -> None:
    private = ("salt", "nonce", "rate", "unique", "now")
    keys = [key.decode() for key in redis_client.scan_iter(f"{site.key}:*")]
    assert {part for part in private if any(part in key.split(":") for key in keys)} == {*private}
    tables = [record["table"] for record in exported(redis_client) if "table" in record]
    assert tables and not [name for name in tables if set(name.split(":")) & {*private}]


def test_should_load_nothing_if_a_site_exists(redis_client: redis.Redis, site: Site) -> None:
    # Given
    add_site(redis_client, "other.example")
    export = exported(redis_client)
    keys = sorted(redis_client.scan_iter())

    # When
    with pytest.raises(SiteExists):
        load_sites(redis_client, export)

    # Then
    assert sorted(redis_client.scan_iter()) == keys
    assert reading.totals(redis_client, site).views > 1000


def interleaved_client(url: str, act: Callable[[], None]) -> redis.Redis:
    """Return a client that sends in small pieces and, after it has looked, acts before each."""

    class Interleaved(redis.UnixDomainSocketConnection):
        """A connection that others are faster than."""

        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            """Send a command, or several."""
            data = b"".join(command)
            for i in range(0, len(data), 100):
                if b"SCAN" not in data:
                    act()
                piece = [data[i : i + 100]]
                super().send_packed_command(piece, check_health)  # type: ignore[no-untyped-call]

    client = connect(url, wait_seconds=10)
    client.connection_pool.connection_class = Interleaved
    return client


def test_should_export_numbers_that_fit_while_views_arrive(
    redis_client: redis.Redis, redis_url: str
) -> None:
    # Given
    site = add_site(redis_client, NAME, client_limit=0)
    number = itertools.count()

    def view() -> None:
        i = next(number)
        record(redis_client, [View(f"/{i}", time.time(), Client(b"1", f"{i}"), f"{i}.example")])

    # When
    with contextlib.closing(interleaved_client(redis_url, view)) as client:
        export = list(export_sites(client, [site]))
    load_sites(redis_client, export, replace=True)

    # Then
    loaded = find_site(redis_client, NAME)
    assert reading.totals(redis_client, loaded).views == next(number) > 10
    assert not check_site(redis_client, loaded)


HEAD = {"page_tracker_export": 1, "sites": ["a.example"]}
SITE: Record = {"site": "a.example", "settings": {}}
TABLE = {"table": "all", "rows": {"views": 1}, "expires": None}
END = {"end": 1}


@pytest.mark.parametrize(
    ("records", "error", "message"),
    [
        ([], TransferError, "no export of Page Tracker"),
        ([SITE, END], TransferError, "no export of Page Tracker"),
        ([{**HEAD, "page_tracker_export": 2}], TransferError, "newer version"),
        ([HEAD, SITE, TABLE], TransferError, "cut off"),
        ([HEAD, TABLE, END], TransferError, "no record of an export"),
        ([HEAD, {**SITE, "site": "b.example"}], TransferError, "no record of an export"),
        ([HEAD, SITE, SITE, END], TransferError, "no record of an export"),
        ([HEAD, SITE, {**TABLE, "rows": {"views": "1"}}, END], TransferError, "no number: all"),
        ([{**HEAD, "sites": ["a.example", "b.example"]}, SITE, END], TransferError, "no record"),
        ([HEAD, SITE, {**TABLE, "rows": {}}, END], TransferError, "no number: all"),
        ([HEAD, {**SITE, "settings": {"zone": "Mars"}}, END], InvalidSetting, "no time zone"),
        ([HEAD, {**SITE, "settings": {"color": "red"}}, END], InvalidSetting, "no setting"),
        ([HEAD, {**SITE, "settings": {"ignored_paths": "a"}}, END], InvalidSetting, "no path"),
    ],
)
def test_should_refuse_what_is_no_export(
    redis_client: redis.Redis, records: list[Record], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_sites(redis_client, records)
    assert not list(all_sites(redis_client))
    lasting = [key for key in redis_client.scan_iter("v2:{*") if redis_client.ttl(key) < 0]
    assert not lasting


def test_should_load_settings_in_their_one_form(redis_client: redis.Redis) -> None:
    settings = {"ignored_paths": "//a\r\n", "ignored_networks": "2001:DB8::/32"}
    load_sites(redis_client, [HEAD, {**SITE, "settings": settings}, END])
    site = find_site(redis_client, "a.example")
    assert (site.ignored_paths, site.ignored_networks) == (("/a",), ("2001:db8::/32",))


def test_should_say_which_table_cannot_be_exported(redis_client: redis.Redis, site: Site) -> None:
    redis_client.hset(f"{site.key}:all", "views", "many")
    with pytest.raises(TransferError, match="no number: all$"):
        exported(redis_client)
