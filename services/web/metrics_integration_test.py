"""Tests of /metrics of the web service: in one process, and of Gunicorn's workers together."""

import contextlib
import json
import re
from pathlib import Path

import psutil
import pytest
import redis
import requests
from flask.testing import FlaskClient

from libs.feature_flags import file_provider
from libs.flask_service.metrics import METRICS
from libs.page_views.registry import add_site
from libs.processes.testing import paused, wait_until, wait_until_ended
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis
from services.web.app import create_app
from services.web.testing import Tracker, tracker

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
NAMES = 10_000
REGISTERED = 20


@pytest.fixture(name="web")
def _web(redis_client: redis.Redis) -> FlaskClient:
    return create_app(redis_client).test_client()


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> None:
    add_site(redis_client, "example.org")


def sample(name: str, **labels: str) -> float:
    """Return a value in this process."""
    return METRICS.get_sample_value(f"page_tracker_{name}", labels) or 0


def series(shown: str) -> dict[str, float]:
    """Return the values that /metrics shows."""
    lines = [line.rpartition(" ") for line in shown.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def shown_by(started: Tracker) -> dict[str, float]:
    """Return the values that a tracker shows."""
    return series(requests.get(f"{started.url}/metrics", timeout=5).text)


def post(web: FlaskClient, *views: dict[str, str], user_agent: str = BROWSER) -> int:
    """Send views, and return the status."""
    content = json.dumps({"views": views})
    return web.post(
        "/api/v1/views",
        data=content,
        content_type="text/plain",
        headers={"User-Agent": user_agent},
    ).status_code


@pytest.mark.parametrize(
    ("user_agent", "path", "name", "labels"),
    [
        (BROWSER, "/", "views_total", {"outcome": "counted"}),
        ("Googlebot/2.1", "/", "views_dropped_total", {"reason": "bot"}),
        (BROWSER, "/\0", "views_dropped_total", {"reason": "invalid_path"}),
    ],
)
@pytest.mark.usefixtures("site")
def test_should_count_views_by_what_became_of_them(
    web: FlaskClient, user_agent: str, path: str, name: str, labels: dict[str, str]
) -> None:
    before = sample(name, **labels)
    post(web, *[{"site": "example.org", "path": path}] * 3, user_agent=user_agent)
    assert sample(name, **labels) == before + 3


def test_should_count_views_of_the_front_page_and_calls_to_redis(web: FlaskClient) -> None:
    names = ("views_total", "group_size_count", "redis_call_duration_seconds_count")
    labels: list[dict[str, str]] = [{"outcome": "counted"}, {}, {}]
    before = [sample(name, **each) for name, each in zip(names, labels)]
    web.get("/")
    web.get("/")
    after = [sample(name, **each) for name, each in zip(names, labels)]
    assert after == [number + 2 for number in before]


def test_should_show_whether_flags_can_be_used(
    redis_client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "flags.json"
    monkeypatch.setenv("FLAGS_FILE", str(file))
    monkeypatch.setattr(file_provider, "CHECK_SECONDS", 0)
    web = create_app(redis_client).test_client()
    for content, unusable in (("{", 1), ('{"flags": {}}', 0), ("[]", 1)):
        file.write_text(content)
        web.get("/badge.svg")
        assert sample("unusable_flags") == unusable


def test_should_measure_what_happens_while_redis_is_away(
    redis_server: EmbeddedRedis, redis_client: redis.Redis
) -> None:
    # Given
    add_site(redis_client, "example.org")
    web = create_app(connect(redis_server.url)).test_client()
    view = {"site": "example.org", "path": "/"}
    assert post(web, view) == 202
    timeouts = sample("redis_errors_total", kind="timeout")
    waiting, failed = (sample("views_total", outcome=name) for name in ("waiting", "failed"))

    # When
    with paused(redis_server.process.pid):
        web.get("/")
        post(web, view, view)
        depth = sample("queue_depth")

    # Then
    assert depth == 2
    assert sample("redis_errors_total", kind="timeout") > timeouts
    assert sample("views_total", outcome="failed") == failed + 1
    assert sample("views_total", outcome="waiting") == waiting + 2
    wait_until(lambda: sample("queue_depth") == 0, "an empty queue")


@pytest.mark.parametrize(("url", "kind"), [("redis://127.0.0.1:1", "connection"), ("", "refused")])
def test_should_count_an_error_of_redis_once(
    redis_url: str, redis_client: redis.Redis, url: str, kind: str
) -> None:
    redis_client.set("page_views", "{}")
    before = sample("redis_errors_total", kind=kind)
    client = connect(url or redis_url.replace("unix://", "unix://nobody:wrong@"))
    create_app(client).test_client().get("/livez")
    with pytest.raises(redis.RedisError):
        client.ping()
    assert sample("redis_errors_total", kind=kind) == before + 1


def test_should_have_as_many_series_whatever_is_viewed(
    web: FlaskClient, redis_client: redis.Redis
) -> None:
    # Given: one of each kind of request
    for number in range(REGISTERED):
        add_site(redis_client, f"registered{number}.example", client_limit=0, site_limit=0)

    def ask(first: int, last: int) -> set[str]:
        views = [
            {
                "site": f"{'registered' if number < REGISTERED else 'site'}{number}.example",
                "path": f"/path/{number}?utm_campaign=campaign{number}",
                "referrer": f"https://referrer{number}.example/",
            }
            for number in range(first, last)
        ]
        views += [{**view, "site": "registered0.example"} for view in views]
        for start in range(0, len(views), 500):
            post(web, *views[start : start + 500])
        post(web, {"site": "unknown.example", "path": "/"})
        for number in range(first, last, 100):
            web.get(f"/pixel.gif?site=registered0.example&path=/{number}")
            web.get(f"/api/v1/sites/site{number}.example/totals")
            web.get(f"/unknown/{number}", headers={"Referer": f"https://{number}.example"})
        return set(series(web.get("/metrics", base_url="http://localhost:9000").text))

    before = ask(0, REGISTERED + 1)

    # When
    after = ask(0, NAMES)

    # Then
    assert after == before


@pytest.mark.parametrize("file", ["compose/monitoring/rules.yml", "docs/monitoring.md"])
def test_should_have_the_metrics_that_alerts_and_documents_name(
    web: FlaskClient, file: str
) -> None:
    # Given
    web.get("/")
    post(web, {"site": "example.org", "path": "/"})
    shown = web.get("/metrics", base_url="http://localhost:9000").text

    # When
    named = set(re.findall(r"(?<!:)\bpage_tracker_\w+", Path(file).read_text("utf-8")))

    # Then
    assert named
    assert {name for name in named if not re.search(rf"\b{name}\b", shown)} == set()


def test_should_add_up_what_workers_count_although_they_die(redis_url: str) -> None:
    # Given
    with tracker(REDIS_URL=redis_url, WEB_CONCURRENCY="2") as started:
        wait_until(lambda: is_live(started), "the tracker")
        (master,) = started.process.children()

        # When: workers are killed
        for killed in range(4):
            for _ in range(10):
                started.view()
            wait_until(lambda: len(master.children()) == 2, "two workers")
            worker = master.children()[killed % 2]
            worker.kill()
            wait_until_ended([worker])
            wait_until(lambda: is_live(started), "a worker")
        started.view()

        # Then
        shown = shown_by(started)
        route = 'page_tracker_http_request_duration_seconds_count{route="/",status="200"}'
        assert shown[route] == 41
        assert shown['page_tracker_views_total{outcome="counted"}'] == 41
        wait_until(lambda: len(files_of(master)) == 2, "the files of workers")
        directory = Path(files_of(master).pop()).parent
        assert {file.stem.rpartition("_")[2] for file in directory.iterdir()} == {"0", "1"}


def is_live(started: Tracker) -> bool:
    """Return whether a worker answers."""
    with contextlib.suppress(requests.RequestException):  # they may be starting
        return requests.get(f"{started.url}/livez", timeout=5).ok
    return False


def files_of(master: psutil.Process) -> set[str]:
    """Return the files in which the workers count."""
    maps = set[str]()
    for worker in master.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just been killed
            maps |= {each.path for each in worker.memory_maps()}
    return {path for path in maps if "/page-tracker-metrics-" in path and "/counter_" in path}


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("0.0.0.0", 404)])
def test_should_show_metrics_to_this_machine_only(redis_url: str, host: str, status: int) -> None:
    with tracker(f"--host={host}", REDIS_URL=redis_url) as started:
        wait_until(lambda: is_live(started), "the tracker")
        assert requests.get(f"{started.url}/metrics", timeout=5).status_code == status


def test_should_show_metrics_of_the_development_server(redis_url: str) -> None:
    with tracker("--debug", REDIS_URL=redis_url) as started:
        started.view_until("This page has been seen")
        assert shown_by(started)['page_tracker_views_total{outcome="counted"}'] == 1
