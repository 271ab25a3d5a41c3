"""Tests of the commands that import, on a real Redis: what they say, and what is stored then."""

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
import redis

from libs.page_views import reading
from libs.page_views.checking import check_site
from libs.page_views.reading import Count, Kind
from libs.page_views.registry import Site, change_site, find_site
from libs.page_views.testing import latest
from libs.processes.testing import wait_until
from services.admin.commands.conftest import Run

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


def line(
    path: str = "/a", minute: int = 0, agent: str = AGENT, referrer: str = "-", host: str = ""
) -> str:
    """Return a line of a log in the format combined, or with a host in combined-vhost."""
    clock = f"10/Oct/2025:13:{minute:02}:36 +0000"
    request = f'203.0.113.9 - - [{clock}] "GET {path} HTTP/1.1" 200 9 "{referrer}" "{agent}"\n'
    return f"{host} {request}" if host else request


LOG = (
    line("/a?utm_source=x")
    + line("/b", 1, referrer="https://news.example/1")
    + line("/a", 1)
    + line("/a", 1)
    + line("/a", 2, BOT)
    + line("/caf%E9", 2)
    + line("/a.css", 2)
    + "nonsense\n"
)


@pytest.fixture(name="site")
def _site(run: Run, redis_client: redis.Redis) -> Site:
    run("sites add example.org")
    return find_site(redis_client, "example.org")


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(LOG)
    return path


@pytest.mark.parametrize("source", ["plain", "gzip", "standard input"])
def test_should_import_a_log_once(
    run: Run, redis_client: redis.Redis, site: Site, log: Path, source: str
) -> None:
    # When
    imported = json.loads(run("import log example.org --yes --json", str(log)).stdout)
    if source == "gzip":
        log.write_bytes(gzip.compress(LOG.encode()))
    file = "-" if source == "standard input" else str(log)
    again = run("import log example.org --yes", file, answers=LOG.encode())

    # Then
    assert imported == {
        "views": 4,
        "dropped": {"bot": 1, "invalid_path": 1},
        "imported_before": 0,
        "skipped_hours": {},
        "no_page_views": {"static": 1, "malformed": 1},
    }
    assert again.stdout == (
        "example.org: 0 views are imported\n"
        "imported before: 6\n"
        "no page views: 2 (static 1, malformed 1)\n"
    )
    assert reading.totals(redis_client, site) == Count(4, 1)
    assert reading.rows(redis_client, site, Kind.CAMPAIGNS) == {"x": Count(1, 1)}
    assert reading.rows(redis_client, site, Kind.REFERRERS) == {"news.example": Count(1, 1)}
    assert not check_site(redis_client, site)


@pytest.mark.usefixtures("site")
def test_should_carry_over_what_was_imported(
    run: Run, redis_client: redis.Redis, log: Path, tmp_path: Path
) -> None:
    run("import log example.org --yes", str(log))
    run("import plausible example.org --yes", str(plausible_export(tmp_path)))
    run("export --output", str(tmp_path / "all"))
    redis_client.flushall()
    run("load", str(tmp_path / "all"))
    again = run("import log example.org --yes --json", str(log))
    assert json.loads(again.stdout)["imported_before"] == 6
    again = run("import plausible example.org --yes --json", str(tmp_path / "plausible.zip"))
    assert json.loads(again.stdout)["views"] == 0


def test_should_import_the_pages_of_the_site_only(run: Run, site: Site, tmp_path: Path) -> None:
    # Given
    hosts = ["example.org", "WWW.example.org", "other.example", "third.example"]
    (tmp_path / "log").write_text("".join(line(f"/{host}", host=host) for host in hosts))

    # Then
    done = run(f"import log {site.name} --host third.example --yes --json", f"{tmp_path}/log")
    assert json.loads(done.stdout)["views"] == 3
    assert json.loads(done.stdout)["no_page_views"] == {"other_host": 1}


def test_should_import_nothing_that_the_site_ignores(
    run: Run, redis_client: redis.Redis, site: Site, tmp_path: Path
) -> None:
    change_site(redis_client, site, ignored_networks="198.51.100.0/24", ignored_paths="/admin/*")
    own = line("/own").replace("203.0.113.9", "198.51.100.7")
    (tmp_path / "log").write_text(own + line("/admin/") + line("/admin/a", 1) + line("/a", 2))
    done = run(f"import log {site.name} --yes --json", f"{tmp_path}/log")
    assert json.loads(done.stdout)["dropped"] == {"ignored_address": 1, "ignored_path": 2}
    assert list(reading.rows(redis_client, site, Kind.PAGES)) == ["/a"]


def test_should_import_a_log_without_user_agents(run: Run, site: Site, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(line().partition(' "-"')[0] + "\n")
    done = run(f"import log {site.name} --yes --json", f"{tmp_path}/log")
    assert json.loads(done.stdout)["views"] == 1


def test_should_report_hours_with_other_views(run: Run, site: Site, log: Path) -> None:
    log.write_text(LOG + line().replace("13:00", "16:00"))
    run(f"import log {site.name} --yes", str(log))
    log.write_text(LOG + line(minute=5) + line().replace("13:00", "16:00"))
    done = run(f"import log {site.name} --yes", str(log))
    assert "skipped: 7 in 1 hours, from 2025-10-10T13:00Z" in done.stdout


def test_should_say_what_is_lost_and_ask(run: Run, redis_client: redis.Redis, log: Path) -> None:
    run("sites add example.org")
    refused = run("import log example.org", str(log), answers="n\n")
    assert refused.exit_code == 1
    assert "- Views that never reached the server" in refused.stderr
    assert not redis_client.exists("v2:{1}:all")
    assert run("import log example.org", str(log), answers="y\n").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("log example.org", 2, "Missing argument 'FILE...'"),
        ("log example.org -", 2, "give --yes"),
        ("log example.org a b --follow", 2, "--follow takes one file"),
        ("log example.org EMPTY --follow --yes", 2, "EMPTY is empty, so its format is unknown"),
        ("log example.org missing --yes", 1, "cannot read missing: No such file"),
        ("log example.org / --yes", 1, "cannot read /: Is a directory"),
        ("log example.org BAD --yes", 1, "none of the first 1 lines is in a known format"),
        ("log example.org BAD --format x --yes", 1, "unknown format 'x'"),
        ("log other.example BAD --yes", 1, "other.example is not registered"),
        ("goatcounter example.org BAD --yes", 1, "BAD, line 1: expected version 2"),
        ("plausible example.org BAD --yes", 1, "not a zip file"),
    ],
)
@pytest.mark.usefixtures("site")
def test_should_explain_an_error_in_one_line(
    run: Run, tmp_path: Path, arguments: str, status: int, message: str
) -> None:
    (tmp_path / "BAD").write_text("nonsense\n")
    (tmp_path / "EMPTY").touch()
    for name in ("BAD", "EMPTY"):
        arguments = arguments.replace(name, f"{tmp_path}/{name}")
    failed = run(f"import {arguments}")
    assert failed.exit_code == status
    assert message in failed.stderr.splitlines()[-1].replace(f"{tmp_path}/", "")


@pytest.mark.usefixtures("site")
def test_should_explain_that_standard_input_cannot_be_stored(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/missing")
    failed = run("import log example.org - --yes", answers=LOG.encode())
    assert failed.stderr == (
        "admin: cannot store standard input: No such file or directory; give a file, or set TMPDIR "
        "to a directory with room for it\n"
    )


def test_should_follow_a_log(redis_client: redis.Redis, site: Site, log: Path) -> None:
    # Given
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    program = [sys.executable, "-m", "services.admin", "import", "log", "example.org", str(log)]

    # When
    with subprocess.Popen(
        [*program, "--follow", "--yes", "--json"], env=environment, stdout=subprocess.PIPE
    ) as process:
        try:
            wait_until(lambda: reading.totals(redis_client, site).views == 4, "the log")
            with log.open("a") as file:
                file.write(line("/new", 3))
            wait_until(lambda: reading.totals(redis_client, site).views == 5, "what is added")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.stdout
        report = json.load(process.stdout)

    # Then
    assert process.returncode == 0
    assert (report["views"], report["dropped"]) == (5, {"bot": 1, "invalid_path": 1})


MARCH = latest(3, 1)

GOATCOUNTER_CSV = (
    "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,"
    "Location,FirstVisit,Date\n"
    f"/a,A,0,,Firefox 145,Linux,1f3c-9d2e,0,news.example/x,h,,DE,1,{MARCH}T09:30:00Z\n"
    f"/b,B,0,,Firefox 145,Linux,1f3c-9d2e,0,,,,DE,1,{MARCH}T09:31:00Z\n"
    f"/b,B,0,,Firefox 145,Linux,2f3c-9d2e,0,spring,c,,DE,1,{MARCH}T09:31:00Z\n"
    f"click,B,1,,Firefox 145,Linux,2f3c-9d2e,0,spring,c,,DE,1,{MARCH}T09:31:00Z\n"
)


def test_should_import_page_views_of_goatcounter_once(
    run: Run, redis_client: redis.Redis, site: Site, tmp_path: Path
) -> None:
    (tmp_path / "export.csv").write_text(GOATCOUNTER_CSV)
    command = f"import goatcounter example.org {tmp_path}/export.csv --yes --json"
    views = [json.loads(run(command).stdout)["views"] for _ in range(2)]
    assert views == [3, 0]
    assert reading.totals(redis_client, site) == Count(3, 2)
    assert reading.rows(redis_client, site, Kind.PAGES) == {"/b": Count(2, 2), "/a": Count(1, 1)}
    assert reading.rows(redis_client, site, Kind.CAMPAIGNS) == {"spring": Count(1, 1)}


def goatcounter_export(directory: Path) -> Path:
    """Write an export of GoatCounter as JSON: 7 visits of /a."""
    tables = {
        "info.json": {"export_version": "1.0"},
        "paths.jsonl": {"id": 1, "path": "/a/"},
        "refs.jsonl": {"id": 2, "ref": "news.example/x", "ref_scheme": "h"},
        "hit_stats.jsonl": {"hour": f"{MARCH}T20:00:00Z", "path_id": 1, "ref_id": 2, "count": 7},
    }
    with zipfile.ZipFile(directory / "export.zip", "w") as archive:
        for name, row in tables.items():
            archive.writestr(name, json.dumps(row))
    return directory / "export.zip"


@pytest.mark.parametrize(("zone", "day"), [("UTC", 1), ("Asia/Tokyo", 2)])
def test_should_import_visits_of_goatcounter_once(
    run: Run, redis_client: redis.Redis, tmp_path: Path, zone: str, day: int
) -> None:
    # Given
    run("sites add example.org --zone", zone)
    site = find_site(redis_client, "example.org")

    # When
    command = f"import goatcounter example.org {goatcounter_export(tmp_path)} --yes --json"
    views = [json.loads(run(command).stdout)["views"] for _ in range(2)]

    # Then
    assert views == [7, 0]
    days = reading.Range(MARCH.replace(day=day), MARCH.replace(day=day))
    assert reading.by_day(redis_client, site, days) == {days.first: Count(7, 0)}
    assert reading.rows(redis_client, site, Kind.PAIRS, days) == {"/a news.example": Count(7, 0)}
    assert not check_site(redis_client, site)


def test_should_import_no_visits_of_pages_that_the_site_ignores(
    run: Run, redis_client: redis.Redis, site: Site, tmp_path: Path
) -> None:
    change_site(redis_client, site, ignored_paths="/a")
    export = goatcounter_export(tmp_path)
    done = json.loads(run(f"import goatcounter example.org {export} --yes --json").stdout)
    assert (done["views"], done["left_out"]) == (0, {"ignored_path": 7})


def plausible_export(directory: Path, views: int = 11) -> Path:
    """Write an export of Plausible."""
    tables = {
        "visitors": f"date,visitors,pageviews\n2026-02-09,7,{views}\n",
        "pages": f"date,page,visitors,pageviews\n2026-02-09,/a/,7,{views}\n2026-02-09,/%FF,1,2\n",
        "sources": (
            "date,source,referrer,utm_campaign,visitors,pageviews\n"
            "2026-02-09,Google,,spring,4,5\n"
        ),
    }
    path = directory / "plausible.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, table in tables.items():
            archive.writestr(f"imported_{name}.csv", table)
    return path


def test_should_import_and_correct_counts_of_plausible(
    run: Run, redis_client: redis.Redis, site: Site, tmp_path: Path
) -> None:
    # When
    command = f"import plausible example.org {tmp_path}/plausible.zip --yes"
    texts = []
    for views in (11, 11, 9):
        plausible_export(tmp_path, views)
        texts.append(run(command).stdout)

    # Then
    assert texts == [
        "example.org: 11 views are imported\ntables of days: 4 are changed, 0 were the same\n"
        "left out: 2 (invalid_path 2)\n",
        "example.org: 0 views are imported\ntables of days: 0 are changed, 4 were the same\n"
        "left out: 2 (invalid_path 2)\n",
        "example.org: -2 views are imported\ntables of days: 2 are changed, 2 were the same\n"
        "left out: 2 (invalid_path 2)\n",
    ]
    assert reading.totals(redis_client, site) == Count(9, 7)
    assert reading.rows(redis_client, site, Kind.PAGES) == {"/a": Count(9, 7)}
    assert reading.rows(redis_client, site, Kind.REFERRERS) == {"Google": Count(5, 4)}
    assert not check_site(redis_client, site)
