"""Tests that views of sites are recorded exactly once in a real Redis, even when it fails."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import redis

from libs.page_views import reading
from libs.page_views.reading import EXACT_VISITORS, Count, Kind, Range
from libs.page_views.recording import COUNTED, MOST_VIEWS, RATE_LIMIT, Recorder, View
from libs.page_views.registry import Site, UnknownSite, add_site, remove_site
from libs.page_views.testing import latest, sunday_before
from libs.page_views.visitors import Client
from libs.redis_access.connection import connect
from libs.redis_access.fault_proxy import Fault, fault_proxy
from libs.redis_access.retries import ATTEMPTS

NAME = "example.org"
CLIENT = Client(b"\x0a\x00\x00\x01", "browser")
ONE_DAY = timedelta(days=1)
SPRING, AUTUMN = sunday_before(latest(4, 1)), sunday_before(latest(11, 1))
MONDAY = AUTUMN + ONE_DAY


@pytest.fixture(name="site")
def fixture_site(redis_client: redis.Redis) -> Site:
    """Return the one registered site."""
    return add_site(redis_client, NAME, client_limit=0, site_limit=0)


@pytest.fixture(name="recorder")
def fixture_recorder(redis_client: redis.Redis, site: Site) -> Recorder:
    """Return a recorder that knows the site and the salt of today."""
    recorder = Recorder(redis_client)
    recorder.record(site.name, [view(dropped="warm-up")])
    return recorder


def view(path: str = "/a", client: Client | None = CLIENT, **rest: str) -> View:
    """Return a view of this moment."""
    return View(path, time.time(), client, **rest)


def visitor(number: int) -> Client:
    """Return one of many visitors."""
    return Client(number.to_bytes(4, "big"), "browser")


def everything(client: redis.Redis) -> dict[bytes, bytes | None]:
    """Return what is stored under every key but the salts, which are made before a view is sent."""
    return {key: client.dump(key) for key in client.scan_iter() if b":salt:" not in key}


def test_should_answer_the_same_and_count_nothing_when_views_are_sent_again(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    views = [view(), view("/b", referrer="r.example"), view(dropped="bot")]
    first = recorder.record(NAME, views)
    stored = everything(redis_client)
    assert recorder.record(NAME, views) == first == [COUNTED, COUNTED, "bot"]
    assert everything(redis_client) == stored
    assert reading.totals(redis_client, site) == Count(2, 1)


@pytest.mark.usefixtures("site")
def test_should_write_for_a_repeated_view_so_that_replicas_are_waited_for(
    redis_client: redis.Redis, recorder: Recorder
) -> None:
    dropped = view(dropped="bot")
    recorder.record(NAME, [dropped])
    before = redis_client.info("persistence")["rdb_changes_since_last_save"]
    recorder.record(NAME, [dropped])
    assert redis_client.info("persistence")["rdb_changes_since_last_save"] > before


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.REPLY_CUT, Fault.RESET_AFTER])
def test_should_record_once_when_replies_are_lost(
    redis_client: redis.Redis, redis_socket: Path, site: Site, fault: Fault
) -> None:
    # Given
    views = [view(), view("/b"), view(dropped="bot")]
    with fault_proxy(redis_socket) as proxy, contextlib.closing(connect(proxy.url)) as client:
        recorder = Recorder(client)
        recorder.record(NAME, [view("/c")])
        faults = iter([fault] * (ATTEMPTS - 1) + [Fault.NONE])

        # When
        proxy.choose_fault = lambda: next(faults)
        outcomes = recorder.record(NAME, views)

    # Then
    assert outcomes == [COUNTED, COUNTED, "bot"]
    assert reading.totals(redis_client, site) == Count(3, 1)
    assert reading.drops(redis_client, site) == {"bot": 1}


def test_should_record_once_when_redis_has_forgotten_the_script(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    redis_client.script_flush()
    assert recorder.record(NAME, [view()] * 2) == [COUNTED] * 2
    assert reading.totals(redis_client, site).views == 1


def test_should_give_each_of_many_threads_its_own_outcomes(
    redis_client: redis.Redis, recorder: Recorder
) -> None:
    # Given
    sites = [add_site(redis_client, f"{number}.example", client_limit=0) for number in range(3)]

    def record(number: int) -> list[str]:
        views = [view(f"/{number}"), view(dropped=f"reason {number}")]
        return [
            *recorder.record(sites[number % 3].name, views),
            *recorder.record(sites[number % 3].name, views),
        ]

    # When
    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(record, range(150)))

    # Then
    assert outcomes == [[COUNTED, f"reason {number}"] * 2 for number in range(150)]
    for index, site in enumerate(sites):
        assert reading.totals(redis_client, site).views == 50
        paths = reading.rows(redis_client, site, Kind.PAGES)
        assert paths.keys() == {f"/{number}" for number in range(index, 150, 3)}
        assert sum(reading.drops(redis_client, site).values()) == 50


def test_should_record_more_views_than_fit_one_call(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    views = [view(f"/{number}", visitor(number)) for number in range(2 * MOST_VIEWS + 1)]
    views[MOST_VIEWS] = view(dropped="bot")
    outcomes = recorder.record(NAME, [*views, *views])
    assert outcomes == 2 * (MOST_VIEWS * [COUNTED] + ["bot"] + MOST_VIEWS * [COUNTED])
    assert reading.totals(redis_client, site).views == 2 * MOST_VIEWS
    assert recorder.record(NAME, []) == []


@pytest.mark.parametrize("value", ["many", "1.5", str(2**63 - 1)])
def test_should_store_nothing_when_the_total_cannot_be_increased(
    redis_client: redis.Redis, site: Site, recorder: Recorder, value: str
) -> None:
    redis_client.hset(f"{site.key}:all", "views", value)
    stored = everything(redis_client)
    with pytest.raises(redis.ResponseError):
        recorder.record(NAME, [view(), view(dropped="bot")])
    assert everything(redis_client) == stored


@contextlib.contextmanager
def out_of_memory(client: redis.Redis) -> Iterator[type[Exception]]:
    """Let Redis refuse whatever needs memory, until the context ends; yield the error."""
    client.config_set("maxmemory", 1)
    try:
        yield redis.OutOfMemoryError
    finally:
        client.config_set("maxmemory", 0)


@contextlib.contextmanager
def read_only(client: redis.Redis) -> Iterator[type[Exception]]:
    """Make Redis a replica, whose primary is away, until the context ends; yield the error."""
    client.replicaof("127.0.0.1", "1")
    try:
        yield redis.ReadOnlyError
    finally:
        client.replicaof("NO", "ONE")


@pytest.mark.parametrize("refusing", [out_of_memory, read_only])
def test_should_store_nothing_when_redis_refuses_to_write(
    redis_client: redis.Redis,
    site: Site,
    recorder: Recorder,
    refusing: Callable[[redis.Redis], AbstractContextManager[type[Exception]]],
) -> None:
    # Given
    views = [view(), view(dropped="bot")]
    stored = everything(redis_client)

    # When
    with refusing(redis_client) as error, pytest.raises(error):
        recorder.record(NAME, views)

    # Then
    assert everything(redis_client) == stored
    assert recorder.record(NAME, views) == [COUNTED, "bot"]
    assert reading.totals(redis_client, site).views == 1


DAY = f"{datetime.now(timezone.utc):%Y-%m-%d}"
EVERY_TABLE = [
    f"{period}:{kind}{suffix}"
    for period, kinds in {
        DAY: ("hours", "pages", "referrers", "campaigns", "pairs"),
        DAY[:7]: ("days", "pages", "referrers", "campaigns", "pairs"),
        "all": ("months", "pages", "referrers", "campaigns"),
    }.items()
    for kind in kinds
    for suffix in ("", ":visitors")
]


@pytest.mark.parametrize("name", [*EVERY_TABLE, f"{DAY}:unique:pages:/a", "now", "all:drops"])
def test_should_store_all_but_a_broken_key_and_log_it(
    redis_client: redis.Redis,
    site: Site,
    recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    # Given
    views = [view(referrer="r.example", campaign="spring"), view("/b"), view(dropped="bot")]
    redis_client.delete(f"{site.key}:{name}")
    redis_client.set(f"{site.key}:{name}", "broken")

    # When
    outcomes = recorder.record(NAME, views)

    # Then
    assert outcomes == [COUNTED, COUNTED, "bot"]
    assert f"{NAME}: a part was not stored: WRONGTYPE" in caplog.text
    assert reading.totals(redis_client, site) == Count(2, 1)
    keys = redis_client.keys(f"{site.key}:*:*")
    assert {f"{site.key}:{table}".encode() for table in EVERY_TABLE} <= set(keys)
    assert redis_client.get(f"{site.key}:{name}") == b"broken"


@pytest.mark.parametrize("table", [f"{DAY}:pages", f"{DAY}:pages:visitors", "all:pages"])
def test_should_store_all_but_a_row_that_is_no_number_and_log_it(
    redis_client: redis.Redis,
    site: Site,
    recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
    table: str,
) -> None:
    redis_client.hset(f"{site.key}:{table}", "/a", "broken")
    assert recorder.record(NAME, [view(), view("/b")]) == [COUNTED] * 2
    assert "a part was not stored: ERR hash value is not an integer" in caplog.text
    assert reading.totals(redis_client, site) == Count(2, 1)
    assert reading.totals(redis_client, site, "/b") == Count(1, 1)
    assert redis_client.hgetall(f"{site.key}:{table}")[b"/a"] == b"broken"


def test_should_refuse_views_of_a_site_that_is_not_registered(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    with pytest.raises(UnknownSite, match="^other.example is not registered$"):
        recorder.record("other.example", [view()])
    recorder.record(NAME, [view()])
    remove_site(redis_client, site)
    with pytest.raises(UnknownSite, match="^example.org is not registered$"):
        recorder.record(NAME, [view()])
    assert not redis_client.keys(f"{site.key}*")
    assert add_site(redis_client, NAME).key != site.key


def test_should_refuse_only_the_site_that_was_removed(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    removed = add_site(redis_client, "removed.example")
    recorder.record(removed.name, [view()])
    remove_site(redis_client, removed)

    def record(number: int) -> list[str]:
        with contextlib.suppress(UnknownSite):
            return recorder.record([NAME, removed.name][number % 2], [view()])
        return ["unknown"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(record, range(80))) == [[COUNTED], ["unknown"]] * 40
    assert reading.totals(redis_client, site).views == 40
    assert not redis_client.exists(f"{removed.key}:all")


def test_should_let_a_client_over_its_limit_use_up_nothing_of_the_site(
    redis_client: redis.Redis,
) -> None:
    # Given
    add_site(redis_client, NAME, client_limit=2, site_limit=6)
    recorder = Recorder(redis_client)
    flood = [view(client=Client(CLIENT.network, f"browser {number}")) for number in range(50)]

    # When
    outcomes = recorder.record(NAME, [*flood, *(view(client=visitor(i)) for i in range(5))])
    trusted = recorder.record(NAME, flood, limited=False)
    without_limits = recorder.record(NAME, [view()], limited=False)

    # Then
    assert outcomes == [COUNTED] * 2 + [RATE_LIMIT] * 48 + [COUNTED] * 4 + [RATE_LIMIT]
    assert trusted == outcomes[:50]
    assert without_limits == [COUNTED]


def test_should_limit_a_client_whatever_the_days_of_its_views(redis_client: redis.Redis) -> None:
    add_site(redis_client, NAME, client_limit=2)
    views = [View("/a", time.time() - day * 86_400, CLIENT) for day in range(4)]
    assert Recorder(redis_client).record(NAME, views) == [COUNTED] * 2 + [RATE_LIMIT] * 2


def test_should_record_in_a_forked_process(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    # Given
    known = view()
    recorder.record(NAME, [known])

    # When
    child = os.fork()
    if child == 0:
        with contextlib.suppress(redis.RedisError):
            recorder.record(NAME, [known, view("/b")])
        os._exit(0)  # pylint: disable=protected-access  # the documented way for a forked child
    os.waitpid(child, 0)

    # Then
    assert recorder.record(NAME, [known]) == [COUNTED]
    assert reading.totals(redis_client, site) == Count(2, 1)


def test_should_store_no_address_and_no_user_agent(
    redis_client: redis.Redis, recorder: Recorder
) -> None:
    recorder.record(NAME, [view(client=Client(b"\xc6\x33\x64\x07", "a user agent"))])
    for key, value in everything(redis_client).items():
        for trace in (b"\xc6\x33\x64\x07", b"198.51.100.7", b"c6336407", b"a user agent"):
            assert trace not in key
            assert trace not in (value or b"")


@pytest.mark.parametrize("first", [0, 10_000, 20_000, 30_000])
def test_should_count_few_visitors_of_a_day_exactly(
    redis_client: redis.Redis, site: Site, recorder: Recorder, first: int
) -> None:
    for number in range(EXACT_VISITORS):
        recorder.record(NAME, [view(client=visitor(first + number))] * 2)
        assert reading.totals(redis_client, site, "/a").visitors == number + 1
    days = Range(reading.today(site), reading.today(site))
    assert list(reading.by_day(redis_client, site, days).values()) == [
        Count(EXACT_VISITORS, EXACT_VISITORS)
    ]


@pytest.mark.parametrize(("visitors", "runs"), [(1_000, 8), (10_000, 4), (100_000, 1)])
def test_should_estimate_many_visitors_of_a_day(
    redis_client: redis.Redis, visitors: int, runs: int
) -> None:
    errors = []
    recorder = Recorder(redis_client)
    yesterday = time.time() - 86400
    for run in range(runs):
        site = add_site(redis_client, f"{run}.example", client_limit=0, site_limit=0)
        day = datetime.fromtimestamp(yesterday, timezone.utc)
        redis_client.set(f"{site.key}:salt:{day:%Y-%m-%d}", run.to_bytes(16, "big"))
        for first in range(0, visitors, MOST_VIEWS):
            numbers = range(first, first + MOST_VIEWS)
            views = [View("/", yesterday, visitor(number)) for number in numbers]
            recorder.record(site.name, views)
        found = reading.totals(redis_client, site).visitors
        errors.append(abs(found - visitors) / visitors)
    assert sum(errors) / runs <= 0.01


@pytest.mark.parametrize(
    ("zone", "times", "visitors"),
    [
        ("UTC", [f"{MONDAY - ONE_DAY}T23:59:59", f"{MONDAY}T00:00:00"], [1, 1]),
        ("UTC", [f"{MONDAY}T00:00:00", f"{MONDAY}T23:59:59"], [0, 1]),
        ("Asia/Kathmandu", [f"{MONDAY}T18:14:59", f"{MONDAY}T18:15:00"], [1, 1]),
        # A day of 25 hours, and one of 23.
        ("Europe/Berlin", [f"{AUTUMN - ONE_DAY}T22:00:00", f"{AUTUMN}T22:59:59"], [0, 1]),
        ("Europe/Berlin", [f"{AUTUMN}T22:59:59", f"{AUTUMN}T23:00:00"], [1, 1]),
        ("Europe/Berlin", [f"{SPRING - ONE_DAY}T23:00:00", f"{SPRING}T21:59:59"], [0, 1]),
        ("Europe/Berlin", [f"{SPRING}T21:59:59", f"{SPRING}T22:00:00"], [1, 1]),
    ],
)
def test_should_count_a_visitor_once_a_day_of_the_time_zone(
    redis_client: redis.Redis, zone: str, times: list[str], visitors: list[int]
) -> None:
    site = add_site(redis_client, NAME, zone=zone)
    moments = [datetime.fromisoformat(f"{moment}+00:00") for moment in times]
    Recorder(redis_client).record(NAME, [View("/", each.timestamp(), CLIENT) for each in moments])
    last = moments[1].astimezone(site.zone).date()
    days = reading.by_day(redis_client, site, Range(last - ONE_DAY, last))
    assert [count.visitors for count in days.values()] == visitors
    assert sum(count.views for count in days.values()) == 2
    hours = reading.by_hour(redis_client, site, Range(last - ONE_DAY, last))
    assert sum(count.views for count in hours.values()) == 2


def test_should_count_who_is_here_once_across_midnight(
    redis_client: redis.Redis, site: Site, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    midnight = datetime.combine(reading.today(site), datetime.min.time(), timezone.utc).timestamp()
    for seconds in (-200, -1, 1, 100, 899, 901):
        monkeypatch.setattr(time, "time", lambda now=midnight + seconds: now)
        recorder.record(NAME, [View("/", time.time(), CLIENT)])
        assert reading.now(redis_client, site).visitors == 1
    assert reading.now(redis_client, site).views == 2


def test_should_keep_who_is_here_now_for_some_minutes(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    now = time.time()
    ago = [0, 0, 10, 299, 400, 4000]
    views = [View("/", now - seconds, visitor(number)) for number, seconds in enumerate(ago)]
    recorder.record(NAME, [*views, View("/", now)])
    assert reading.now(redis_client, site).visitors in (3, 4)
    assert reading.now(redis_client, site).views in range(4, 6)
    assert 0 < redis_client.ttl(f"{site.key}:now") <= 300


def test_should_forget_visitors_after_two_days_and_rows_after_400(
    redis_client: redis.Redis, site: Site, recorder: Recorder
) -> None:
    # Given
    many = [view("/many", visitor(number)) for number in range(EXACT_VISITORS + 10)]
    redis_client.hset(f"{site.key}:{DAY}:pages:visitors", "/seeded", 1_000)

    # When
    recorder.record(NAME, [view(referrer="r.example"), view("/seeded"), view("/b", None), *many])

    # Then
    for key in redis_client.scan_iter(f"{site.key}:*"):
        name = key.decode().removeprefix(f"{site.key}:")
        seconds = redis_client.ttl(key)
        if ":unique:" in name or name.startswith("salt:"):
            assert 0 < seconds <= 48 * 3600, name
        elif name.startswith(DAY) and name != f"{DAY}:pages:visitors":
            assert 399 * 86400 < seconds <= 400 * 86400, name
        elif name.startswith("nonce:"):
            assert 0 < seconds <= 600
