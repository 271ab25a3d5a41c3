"""Tests of the dashboard's pages in Chromium: how they look, and that they are for everybody."""

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import redis

from libs.accounts.links import FIRST_LINK_PATH, first_link_token
from libs.feature_flags.experiments import experiment_path
from libs.flask_service.testing import program
from libs.page_views.demonstration import demonstration
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import add_site
from libs.page_views.transfer import load_sites
from libs.page_views.visitors import Client
from libs.processes.testing import wait_until
from libs.redis_access.connection import connect
from services.dashboard.browser_testing import Visitor, visitor
from services.dashboard.prometheus_testing import invented_day, prometheus
from services.dashboard.testing import SIGN_IN

pytestmark = pytest.mark.timeout(180)  # Playwright may be installed first

PAGES = {
    "sites": "/dashboard/",
    "site": "/dashboard/sites/demo.example/",
    "empty-site": "/dashboard/sites/new.example/",
    "all-pages": "/dashboard/sites/demo.example/pages",
    "settings": "/dashboard/sites/new.example/settings",
    "new-site": "/dashboard/sites/add",
    "account": "/dashboard/account",
    "audit": "/dashboard/audit",
    "flags": "/dashboard/flags",
    "operations": "/dashboard/operations",
}
"""What somebody sees who has signed in, by the name of its screenshots."""

FLAGS = """{"flags": {"text": {
  "state": "ENABLED", "variants": {"short": "s", "long": "l"}, "defaultVariant": "short",
  "targeting": {"fractional": [["long", 10], ["short", 90]]},
  "metadata": {"description": "Which text is shown", "site": "new.example"}
}}}"""

SHARED = "/dashboard/share/shared.example/"


@pytest.fixture(scope="module", name="prometheus_url")
def _prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("prometheus")
    with prometheus(directory, invented_day(time.time())) as measuring:
        yield measuring.url


@pytest.fixture(name="url")
def _url(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path, prometheus_url: str
) -> Iterator[str]:
    with contextlib.closing(connect(redis_url, wait_seconds=30)) as patient:
        load_sites(patient, demonstration("demo.example", datetime.now(timezone.utc), seed=0))
    new = add_site(redis_client, "new.example")
    for variant in ("short", "long"):
        path = experiment_path("text", variant)
        views = [View(path, time.time(), Client(b"", f"{number}")) for number in range(9)]
        Recorder(redis_client).record(new.name, views)
    flags = tmp_path / "flags.json"
    flags.write_text(FLAGS)
    add_site(redis_client, "shared.example", public=1)
    with program(
        "services.dashboard.serve",
        1,
        REDIS_URL=redis_url,
        FLAGS_FILE=str(flags),
        PROMETHEUS_URL=prometheus_url,
    ) as started:
        yield started.urls[0]


@pytest.fixture(name="guest")
def _guest(url: str) -> Iterator[Visitor]:
    with visitor(url) as guest:
        yield guest


def test_should_be_for_everybody_from_the_first_link_on(
    redis_client: redis.Redis, guest: Visitor
) -> None:
    link = f"{FIRST_LINK_PATH}?token={first_link_token(redis_client)}"
    guest.look_at(SIGN_IN, "sign-in")
    guest.look_at(link, "first-account")
    guest.use_first_link(link)
    for name, path in PAGES.items():
        guest.look_at(path, name)


def test_should_show_measurements_over_the_time_that_is_chosen(
    redis_client: redis.Redis, guest: Visitor
) -> None:
    guest.use_first_link(f"{FIRST_LINK_PATH}?token={first_link_token(redis_client)}")
    guest.page.get_by_role("link", name="Operations").click()
    guest.page.get_by_role("link", name="24 hours").click()

    def shows_lines() -> bool:  # a busy machine may let Prometheus answer late
        guest.page.reload()
        return bool(guest.page.locator(".line-0").count())

    wait_until(shows_lines, "lines", 30)
    assert guest.page.url.endswith("/dashboard/operations?range=24h")
    guest.page.get_by_text("Table of Views per second").click()
    table = guest.page.get_by_role("region", name="Views per second")
    assert table.get_by_role("row").count() == 98
    assert not guest.problems


def test_should_show_newer_numbers_unless_somebody_is_at_work(
    redis_client: redis.Redis, guest: Visitor
) -> None:
    # Given
    guest.use_first_link(f"{FIRST_LINK_PATH}?token={first_link_token(redis_client)}")
    page = guest.page
    page.clock.install()
    guest.go_to("/dashboard/")
    page.get_by_role("link", name="demo.example").focus()
    add_site(redis_client, "newer.example")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    # When
    page.clock.fast_forward("01:00")

    # Then
    assert page.evaluate("document.activeElement.innerText") == "demo.example"
    assert not asked

    # When
    page.evaluate("document.activeElement.blur()")
    page.clock.fast_forward("01:00")

    # Then
    page.get_by_role("link", name="newer.example").wait_for()
    assert not guest.problems


def test_should_show_the_first_view_but_lose_no_selection(
    redis_client: redis.Redis, guest: Visitor
) -> None:
    # Given
    add_site(redis_client, "waiting.example", public=1)
    page = guest.page
    page.clock.install()
    guest.go_to("/dashboard/share/waiting.example/")
    Recorder(redis_client).record("waiting.example", [View("/", time.time())])
    page.evaluate("getSelection().selectAllChildren(document.querySelector('main h2'))")

    # When
    page.clock.fast_forward("00:06")

    # Then
    assert page.evaluate("getSelection().toString()").strip() == "Waiting for the first view"

    # When
    page.evaluate("getSelection().empty()")
    page.clock.fast_forward("00:06")

    # Then
    page.get_by_text("1 view, most on").wait_for()


def test_should_tell_the_bars_of_today_apart_in_forced_colours(
    redis_client: redis.Redis, guest: Visitor
) -> None:
    view = View("/", time.time(), Client(b"", ""))  # the demonstration has none after midnight
    Recorder(redis_client).record("demo.example", [view])
    guest.page.emulate_media(forced_colors="active")
    guest.go_to("/dashboard/share/demo.example/?range=7")
    fills = {
        name: guest.page.locator(f".bars .{name}[fill]").evaluate("e => getComputedStyle(e).fill")
        for name in ("views", "visitors")
    }
    assert fills["views"].startswith("url(") and fills["visitors"].startswith("rgb")


def test_should_show_shared_sites_to_all_without_javascript(url: str) -> None:
    with visitor(url, java_script_enabled=False) as guest:
        guest.page.goto(url + SHARED)
        assert guest.page.get_by_role("heading", name="shared.example").is_visible()
        assert not guest.page.get_by_role("button", name="Sign out").count()
        assert not guest.page.context.cookies()
    with visitor(url) as guest:
        guest.look_at(SHARED, "shared")
