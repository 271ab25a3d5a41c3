"""Tests of /metrics in one process."""

import pytest
from flask import Response
from flask.testing import FlaskClient

from libs.flask_service.metrics import METRICS
from libs.flask_service.service import create_service, plain_text

METRICS_URL = "http://localhost:9000"


@pytest.fixture(name="http_client")
def _http_client(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Return a client of a service with a page for each name, one of which fails."""
    monkeypatch.setenv("GIT_COMMIT", "0123abcd")
    app = create_service(__name__, lambda: None)
    app.add_url_rule("/pages/<name>", view_func=_page)
    return app.test_client()


def _page(name: str) -> Response:
    if name == "broken":
        raise ValueError(name)
    return plain_text(name)


def requests_of(route: str, status: int) -> float:
    """Return how many requests were answered so."""
    name = "page_tracker_http_request_duration_seconds_count"
    labels = {"route": route, "status": f"{status}"}
    return METRICS.get_sample_value(name, labels) or 0


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/pages/secret", "/pages/<name>", 200),
        ("/pages/broken", "/pages/<name>", 500),
        ("/secret", "-", 404),
        ("/livez", "/livez", 200),
    ],
)
def test_should_count_requests_by_route_and_status(
    http_client: FlaskClient, path: str, route: str, status: int
) -> None:
    # Given
    before = requests_of(route, status)

    # When
    http_client.get(path)

    # Then
    assert requests_of(route, status) == before + 1
    shown = http_client.get("/metrics", base_url=METRICS_URL).text
    assert f'duration_seconds_count{{route="{route}",status="{status}"}}' in shown
    assert "secret" not in shown


def test_should_show_which_commit_runs(http_client: FlaskClient) -> None:
    shown = http_client.get("/metrics", base_url=METRICS_URL).text
    assert 'page_tracker_build_info{commit="0123abcd"} 1.0' in shown.splitlines()


@pytest.mark.parametrize(
    ("port", "url", "address", "status"),
    [
        ("9000", "http://localhost:9000", "192.0.2.1", 200),
        ("9000", "http://localhost", "192.0.2.1", 404),
        ("9000", "http://localhost:9000", "", 404),  # on a Unix socket, which has no port
        ("8123", "http://localhost:8123", "192.0.2.1", 200),
        ("8123", "http://localhost:9000", "192.0.2.1", 404),
        ("0", "http://localhost:0", "192.0.2.1", 404),
    ],
)
def test_should_show_metrics_on_their_port_only(
    monkeypatch: pytest.MonkeyPatch, port: str, url: str, address: str, status: int
) -> None:
    monkeypatch.setenv("METRICS_PORT", port)
    client = create_service(__name__, lambda: None).test_client()
    response = client.get("/metrics", base_url=url, environ_overrides={"REMOTE_ADDR": address})
    assert response.status_code == status
