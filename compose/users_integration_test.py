"""Tests of redis/users.acl against the code that uses it, on a real Redis without containers."""

import contextlib
import dataclasses
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import redis

from libs.accounts import accounts, audit, links, sessions
from libs.accounts.passwords import hash_password
from libs.accounts.sign_in import Attempt, sign_in
from libs.page_views import importing, maintenance, migration, reading, tokens, transfer
from libs.page_views.checking import check_site
from libs.page_views.counting import PageViewCounter
from libs.page_views.daily_import import TOTAL, Row, import_days
from libs.page_views.imported_hours import Identified, expect
from libs.page_views.importing import ImportRunning, running_import
from libs.page_views.readiness import why_not_ready
from libs.page_views.reading import EXACT_VISITORS, Count, Kind, Range
from libs.page_views.recording import COUNTED, MOST_ROWS, Recorder, View
from libs.page_views.registry import (
    SITES_KEY,
    Site,
    SiteExists,
    add_site,
    change_site,
    find_site,
    remove_site,
    rename_site,
)
from libs.page_views.reports.answers import (
    Filter,
    Interval,
    Measure,
    Question,
)
from libs.page_views.reports.reader import Reader
from libs.page_views.site_lookup import SiteLookup
from libs.page_views.visitors import Client
from libs.processes.testing import wait_until
from libs.redis_access.connection import connect
from libs.redis_access.durability import why_data_could_be_lost
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.testing import DATA_ROOT

USERS = Path("compose/redis/users.acl")

IMPORTED_BEFORE = 600
"""So many that Redis estimates them, over more than one call."""

Connect = Callable[[str], redis.Redis]


@pytest.fixture(scope="module", name="url")
def _url() -> Iterator[str]:
    """Yield the URL of a server with the users of users.acl, and "default", who may do all."""
    rules = USERS.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    users = [line.split(maxsplit=2)[1:] for line in rules if line.startswith("user ")]
    lines = [f"user {name} on >secret {rule}\n" for name, rule in users]
    with tempfile.TemporaryDirectory(dir=DATA_ROOT) as directory:
        acl = Path(directory) / "users.acl"
        acl.write_text("user default on nopass +@all ~* &*\n" + "".join(lines), encoding="utf-8")
        with embedded_redis(Path(directory), "--aclfile", str(acl)) as server:
            yield server.url


@pytest.fixture(name="connect_as")
def _connect_as(url: str) -> Iterator[Connect]:
    """Yield a function that connects as a user to the server, which is empty."""
    with contextlib.ExitStack() as stack:

        def connect_as(user: str) -> redis.Redis:
            login = "" if user == "default" else f"{user}:secret@"
            client = connect(url.replace("unix://", f"unix://{login}"), wait_seconds=10)
            return stack.enter_context(contextlib.closing(client))

        connect_as("default").flushall()
        yield connect_as


@pytest.fixture(name="site")
def _site(connect_as: Connect) -> Site:
    return add_site(connect_as("admin"), "example.org", zone="Europe/Paris", client_limit=5)


def views(count: int, path: str = "/{i}") -> list[View]:
    """Return views of pages by different visitors, with all that a view can have."""
    return [
        View(
            path.format(i=i),
            time.time(),
            Client(i.to_bytes(4, "big"), ""),
            referrer="r.example",
            campaign="c",
        )
        for i in range(count)
    ]


def view_after_midnight(site: Site) -> View:
    """Return a view of somebody who is here now and may have been here yesterday."""
    tomorrow = reading.today(site) + timedelta(days=1)
    midnight = datetime.combine(tomorrow, datetime.min.time(), site.zone)
    return View("/", midnight.timestamp(), Client(b"1234", ""))


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged, such as that a part of a view was not stored."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_should_let_the_web_service_record_everything_about_views(
    connect_as: Connect, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    recorder = Recorder(connect_as("web"))
    too_many_rows = MOST_ROWS["pages"]["day"] + 1
    too_many_visitors = EXACT_VISITORS + 2

    # When
    outcomes = recorder.record(site.name, views(too_many_rows), limited=False)
    outcomes += recorder.record(site.name, views(too_many_visitors, "/one"), limited=False)
    limited = [recorder.record(site.name, views(1)[0:1])[0] for _ in range(6)]
    recorder.record(site.name, [View("/", time.time(), dropped="bot")])
    recorder.record(site.name, [view_after_midnight(site)])

    # Then
    assert set(outcomes) == {COUNTED}
    assert limited == [COUNTED] * 5 + ["rate_limit"]
    assert not warnings(caplog)
    assert not check_site(connect_as("admin"), site)


def test_should_let_the_web_service_read_what_was_counted(connect_as: Connect, site: Site) -> None:
    # Given
    web = connect_as("web")
    Recorder(web).record(site.name, views(3, "/"))
    token = tokens.add_token(connect_as("default"), site, "read")
    today = reading.today(site)
    days = Range(today, today)

    # Then
    assert find_site(web, site.name) == site
    assert reading.totals(web, site) == reading.totals(web, site, "/") == Count(3, 3)
    assert reading.rows(web, site, Kind.PAGES, days) == {"/": Count(3, 3)}
    assert reading.by_month(web, site) == {f"{today:%Y-%m}": Count(3, 3)}
    assert reading.by_day(web, site, days) == {today: Count(3, 3)}
    assert sum(count.views for count in reading.by_hour(web, site, days).values()) == 3
    assert not reading.drops(web, site)
    assert reading.now(web, site) == Count(3, 3)
    assert tokens.is_permitted(web, site, token, "read")


def test_should_let_the_web_service_count_its_front_page(connect_as: Connect) -> None:
    web = connect_as("web")
    assert PageViewCounter(web).count() == 1
    assert why_not_ready(web) is None
    assert not [line for line in why_data_could_be_lost(web, 0) if "permi" in line]


def test_should_let_the_dashboard_read_what_was_counted(connect_as: Connect, site: Site) -> None:
    # Given
    Recorder(connect_as("web")).record(site.name, views(3, "/"))
    token = tokens.add_token(connect_as("default"), site, "share")
    dashboard = connect_as("dashboard")
    today = reading.today(site)
    question = Question(
        Range(today - timedelta(days=40), today), Interval.DAY, (Filter(Kind.PAGES, ("/",)),)
    )

    # When
    reader = Reader(dashboard)
    opened = reader.open(site.name)
    all_views = reader.report(opened, dataclasses.replace(question, filters=()))
    of_page = reader.report(opened, question)
    (overview,) = reader.overviews()

    # Then
    assert tokens.shared_site(SiteLookup(dashboard), site.name, token) == site
    assert all_views.total == Measure(3, 3)
    assert of_page.total == Measure(3, 3)
    assert all_views.now == overview.now == overview.today == Count(3, 3)


def test_should_let_the_dashboard_s_settings_have_accounts(connect_as: Connect) -> None:
    # Given
    settings = connect_as("dashboard-settings")
    token = links.first_link_token(settings)
    secret = sessions.standing(settings, "ada", "a session").secret

    # When
    links.use_link(settings, token or "", "ada", hash_password("ada", "some password"))
    account = accounts.change_password(settings, "ada", hash_password("ada", "another password"))
    attempt = Attempt("192.0.2.1", "ada", "another password", False)
    signed_in = sign_in(settings, secret, attempt, lambda work, *arguments: work(*arguments))
    sessions.end_session(settings, "a session")
    with pytest.raises(links.InvalidLink):
        links.use_link(settings, token or "", "bob", "")
    audit.record_change(settings, "ada", "", "changed something")

    # Then
    assert signed_in == account
    assert sessions.standing(settings, "ada", "a session") == sessions.Standing(
        secret, account, True
    )
    assert [change.what for change in audit.recent_changes(settings)] == ["changed something"]
    assert settings.exists(accounts.ACCOUNTS_KEY)


def test_should_let_the_dashboard_s_settings_change_sites(connect_as: Connect) -> None:
    # Given
    settings = connect_as("dashboard-settings")
    site = add_site(settings, "example.org")
    Recorder(connect_as("web")).record(site.name, views(3, "/"))

    # When
    change_site(settings, site, zone="Europe/Paris", public=1)
    tokens.add_token(settings, site, "read")
    site, (token,) = tokens.site_with_tokens(SiteLookup(settings), site.name)
    assert tokens.revoke_token(settings, site, token.id)
    with pytest.raises(SiteExists):
        rename_site(settings, site, site.name)
    rename_site(settings, site, "renamed.example")
    renamed = find_site(settings, "renamed.example")
    remove_site(settings, renamed)

    # Then
    assert (renamed.zone, renamed.public) == (ZoneInfo("Europe/Paris"), True)
    assert set(connect_as("default").keys()) == {b"v2:next_site"}


FORBIDDEN_TO_DASHBOARD = [
    *[
        "get page_views",
        "get v2:accounts:secret",
        "hget v2:accounts ada",
        "hset v2:accounts ada {}",
    ],
    *["hset v2:sites other v2:{1}", "hset v2:{1} public 1", "hset v2:{1}:all views 9"],
    *["hset v2:{1}:2026-11-25:pages / 9", "hincrby v2:{1}:all views 9", "del v2:{1}:all"],
    *["hgetall v2:{1}:tokens", "hkeys v2:{1}:tokens", "hset v2:{1}:tokens hash {}"],
    *[
        "get v2:{1}:salt:2026-11-25",
        "get v2:{1}:nonce:1",
        "smembers v2:{1}:2026-11-25:unique:pages:/",
    ],
    *["zrange v2:{1}:now 0 -1", "zadd v2:{1}:now 1 1", "set v2:{1}:now:1 9", "scan 0", "ping"],
    *["eval 1 1 v2:{1}", "flushall", "keys *", "config get *", "acl list", "get other"],
]

FORBIDDEN_TO_SETTINGS = [
    *["get page_views", "set page_views 1", "hgetall v2:{1}:all", "hset v2:{1}:all views 9"],
    *["hgetall v2:{1}:2026-11-25:pages", "hincrby v2:{1}:all views 9", "zcount v2:{1}:now 0 1"],
    *["get v2:{1}:salt:2026-11-25", "smembers v2:{1}:2026-11-25:unique:pages:/", "unlink v2:sites"],
    *["unlink v2:accounts", "del v2:accounts", "unlink page_views", "set v2:next_site 9", "ping"],
    *["eval 1 1 v2:{1}", "flushall", "keys *", "config get *", "acl list", "get other"],
]


@pytest.mark.parametrize(
    ("user", "command"),
    [
        *(("dashboard", command) for command in FORBIDDEN_TO_DASHBOARD),
        *(("dashboard-settings", command) for command in FORBIDDEN_TO_SETTINGS),
    ],
)
def test_should_forbid_the_dashboard_everything_else(
    connect_as: Connect, site: Site, user: str, command: str
) -> None:
    assert site.key == "v2:{1}"
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect_as(user).execute_command(*command.split())


FORBIDDEN_TO_WEB = [
    "set other 1",
    "get other",
    "del page_views",
    "ping",
    "flushall",
    "keys *",
    "scan 0",
    "config get *",
    "acl list",
    "hset v2:sites other v2:{1}",
    "hdel v2:sites example.org",
    "hset v2:{1} public 1",
    "hincrby v2:{1} public 1",
    "del v2:{1}",
    "expire v2:{1} 1",
    "hset v2:{1}:tokens hash {}",
    "hincrby v2:{1}:tokens hash 1",
    "hdel v2:{1}:tokens hash",
    "del v2:{1}:tokens",
    "expire v2:{1}:tokens 1",
    "incr v2:next_site",
    "set storage_version 3",
    "hgetall v3:{1}",
]


@pytest.mark.parametrize("command", FORBIDDEN_TO_WEB)
def test_should_forbid_the_web_service_everything_else(
    connect_as: Connect, site: Site, command: str
) -> None:
    assert site.key == "v2:{1}"
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect_as("web").execute_command(*command.split())


@pytest.mark.parametrize("call", ["'set', 'other', 1", "'hdel', 'v2:{1}:tokens', 'hash'"])
def test_should_forbid_the_web_service_everything_else_in_scripts(
    connect_as: Connect, site: Site, call: str
) -> None:
    with pytest.raises(redis.ResponseError, match="ACL failure in script"):
        connect_as("web").eval(f"return redis.call({call})", 1, site.key)


def view_of(entry: tuple[int, float], nonce: str) -> View:
    """Return the view of an entry of a log."""
    return View("/", entry[1], Client(b"%d" % entry[0], ""), "", "", "", nonce)


def import_all(client: redis.Redis, site: Site) -> None:
    """Import the views of many visitors in 1970, and a log of now which has changed the next time.

    Also a day as another program counted it, and a correction.
    """
    now = time.time()
    past = [*[0.0] * IMPORTED_BEFORE, 30 * 3600.0]
    for recent in ((1, 2), (2, 3)):
        times = [*enumerate(past, 10), *((n, now) for n in recent)]
        log = [Identified(seconds, b"%d" % n, (n, seconds)) for n, seconds in times]
        with running_import(client, site, "log", view_of, expect(log)) as running:
            running.record(log)
    for count in (9, 1):
        names = {TOTAL: "", Kind.PAGES.value: "/"}
        rows = [Row(date(2020, 1, 1), table, name, count, 0) for table, name in names.items()]
        import_days(client, site, "program", partial(list, rows))


def test_should_let_the_operator_do_what_the_command_line_does(
    connect_as: Connect, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(importing, "WAIT_SECONDS", 1)  # for the import before to end
    admin = connect_as("admin")
    Recorder(connect_as("web")).record(site.name, views(3, "/"))
    connect_as("default").set("page_views", 7)

    # When
    change_site(admin, site, zone="UTC")
    rename_site(admin, site, "renamed.example")
    renamed = find_site(admin, "renamed.example")
    token = tokens.add_token(admin, renamed, "read")
    maintenance.seed(admin, renamed, "/", Count(10, 5))
    migration.migrate(admin)
    maintenance.seed_front_page(admin, renamed)
    export = list(transfer.export_sites(admin, [renamed]))
    transfer.load_sites(admin, export, replace=True)
    loaded = find_site(admin, "renamed.example")

    # Then
    assert loaded.zone == ZoneInfo("UTC")
    assert reading.totals(admin, loaded) == Count(20, 8)
    assert tokens.is_permitted(admin, loaded, token, "read")
    assert maintenance.reset_page(admin, loaded, "/") == Count(20, 8)
    assert tokens.revoke_token(admin, loaded, tokens.all_tokens(admin, loaded)[0].id)
    import_all(admin, loaded)
    assert reading.totals(admin, loaded).views == 20 + IMPORTED_BEFORE + 5
    assert reading.totals(admin, loaded, "/").views == IMPORTED_BEFORE + 5
    assert not check_site(admin, loaded)
    remove_site(admin, loaded)
    assert not admin.hexists(SITES_KEY, "renamed.example")


def test_should_let_an_import_record_who_is_here_now(
    connect_as: Connect, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(connect_as("admin"), source="log")
    assert recorder.record(site.name, [view_after_midnight(site)], limited=False) == [COUNTED]
    assert not warnings(caplog)


def test_should_let_a_long_import_keep_others_out(
    connect_as: Connect, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(importing, "LOCK_SECONDS", 0.5)
    monkeypatch.setattr(importing, "WAIT_SECONDS", 1)
    admin = connect_as("admin")

    def import_nothing() -> None:
        with running_import(admin, site, "log", view_of):
            pass

    # When
    with ThreadPoolExecutor(1) as thread, running_import(admin, site, "log", view_of) as running:
        other = thread.submit(import_nothing)

        def other_ended() -> bool:
            running.flush()
            return other.done()

        wait_until(other_ended, "the other import")

    # Then
    assert isinstance(other.exception(), ImportRunning)


def test_should_let_the_operator_manage_accounts(connect_as: Connect) -> None:
    admin = connect_as("admin")
    assert links.first_link_token(admin)
    accounts.add_account(admin, "ada", "hash")
    accounts.change_password(admin, "ada", "other hash")
    assert links.password_link_token(admin, "ada")
    before = accounts.sign_out_everywhere(admin, "ada")
    sessions.rotate_secret(admin)
    audit.record_change(admin, audit.COMMAND_LINE, "", "signed everybody out everywhere")
    assert accounts.all_accounts(admin) == [before]
    accounts.remove_account(admin, "ada")
    assert audit.recent_changes(connect_as("default"))


@pytest.mark.parametrize(
    "command",
    ["hgetall v2:accounts", "get v2:accounts:secret", "hset v2:accounts eve {}"],
)
def test_should_forbid_the_web_service_all_about_accounts(
    connect_as: Connect, command: str
) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect_as("web").execute_command(*command.split())


@pytest.mark.parametrize(
    "command",
    ["set page_views 1", "get other", "flushall", "config get *", "eval 1 1 other", "keys *"],
)
def test_should_forbid_the_operator_s_command_line_everything_else(
    connect_as: Connect, command: str
) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect_as("admin").execute_command(*command.split())


def test_should_let_the_exporter_read_how_the_server_does(connect_as: Connect) -> None:
    information = connect_as("exporter").info()
    assert information["aof_last_write_status"] == "ok"
    assert "maxmemory" in information


@pytest.mark.parametrize(
    "command",
    [
        *["get page_views", "hgetall v2:sites", "keys *", "scan 0", "dbsize", "config get *"],
        *["client list", "slowlog get", "monitor", "acl list", "eval 1 0", "set other 1", "ping"],
    ],
)
def test_should_forbid_the_exporter_everything_else(connect_as: Connect, command: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        connect_as("exporter").execute_command(*command.split())
