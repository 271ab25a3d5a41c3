"""Tests of the page of operations with a real Prometheus, which collects from a real service."""

import re
import time
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

import pytest
import redis
import requests
from flask.testing import FlaskClient

from libs.flask_service.testing import program
from libs.processes.testing import paused, wait_until
from services.dashboard.app import create_app
from services.dashboard.guard import ROOT
from services.dashboard.measured import MOST_LINES
from services.dashboard.measurements import PANELS
from services.dashboard.prometheus import WAIT_SECONDS
from services.dashboard.prometheus_testing import REASONS, Prometheus, invented_day, prometheus
from services.dashboard.testing import signed_in_client

pytestmark = pytest.mark.timeout(180)  # Prometheus may be unpacked first

URL = f"{ROOT}/operations"


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("prometheus")
    with prometheus(directory, invented_day(time.time())) as started:
        yield started


def client_of(address: str, redis_client: redis.Redis, patch: pytest.MonkeyPatch) -> FlaskClient:
    """Return a client that has signed in to a dashboard with the Prometheus at an address."""
    patch.setenv("PROMETHEUS_URL", address)
    return signed_in_client(create_app(redis_client), redis_client)


def text_of(client: FlaskClient, query: str = "") -> str:
    """Return the text of the page."""
    answer = client.get(URL + query)
    assert answer.status_code == 200
    return text(answer.text)


def text(page: str) -> str:
    """Return the text of a page, with single spaces."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main.partition(">")[2])).split())


def test_should_show_what_a_real_service_measures_and_which_alerts_fire(
    running: Prometheus,
    redis_url: str,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    client = client_of(running.url, redis_client, monkeypatch)
    with program("services.dashboard.serve", 1, REDIS_URL=redis_url) as served:
        running.collect(measured=urlsplit(served.urls[0]).netloc)

        def shows_requests() -> bool:
            # When
            assert requests.get(f"{served.urls[0]}{ROOT}/sign-in", timeout=60).ok
            assert requests.get(f"{served.urls[0]}/nothing", timeout=60).status_code == 404
            shown = text_of(client)

            # Then
            chart = (
                r"Requests per second: measured highest [\d.]+ at .* 2xx [\d.]+ 4xx [\d.]+ Table"
            )
            return bool(re.search(chart, shown)) and "Time to answer: measured highest" in shown

        wait_until(shows_requests, "requests", 90)

    # When: the service has ended
    what = "page A service, or what measures it, does not answer Prometheus"
    alert = rf"{what} \( [\d.:]+, measured \) ServiceDown , since {time.gmtime().tm_year}-"
    wait_until(lambda: bool(re.search(alert, text_of(client))), "an alert", 60)


@pytest.mark.parametrize(
    ("query", "step"), [("", "1 minute"), ("?range=24h", "15 minutes"), ("?range=7d", "2 hours")]
)
def test_should_draw_all_there_is_over_each_time(
    running: Prometheus,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    step: str,
) -> None:
    client = client_of(running.url, redis_client, monkeypatch)
    wait_until(lambda: "are no measurements" not in text_of(client, query), "an answer", 30)
    page = client.get(URL + query).text
    shown = text(page)
    assert f"A value is of {step}." in shown
    assert "Nothing was measured." not in shown
    charts = re.findall(r"<b>(.+)</b>\s*<span .*>highest [\d.]+k?(?: m?s)? at ", page)
    assert charts[:2] == ["Requests per second: gateway", "Requests per second: web"]
    assert {panel.title for panel in PANELS.values()} == {each.split(":")[0] for each in charts}
    assert len(REASONS) > MOST_LINES
    assert re.search(r" bot [\d.–]+ .* others [\d.–]+ Table", shown)


def test_should_say_that_prometheus_does_not_answer(
    running: Prometheus, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(running.url, redis_client, monkeypatch)
    with paused(running.process_id):
        shown = text_of(client)
    assert f"Prometheus did not answer within {WAIT_SECONDS} s." in shown
    assert "docker compose --profile monitoring up --detach starts it" in shown


def test_should_say_that_prometheus_is_not_there(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of("http://127.0.0.1:1", redis_client, monkeypatch)
    assert "Prometheus cannot be reached at http://127.0.0.1:1." in text_of(client)
    assert URL in client.get(f"{ROOT}/").text
    assert client.get(f"{URL}?range=1y").status_code == 400


def test_should_have_no_page_without_prometheus(client: FlaskClient) -> None:
    assert client.get(URL).status_code == 404
    assert URL not in client.get(f"{ROOT}/").text


def test_should_show_nobody_without_an_account(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:1")
    answer = create_app(redis_client).test_client().get(URL)
    assert (answer.status_code, answer.location) == (303, f"{ROOT}/sign-in?next={URL}")
