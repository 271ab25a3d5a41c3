"""Tests of the answers that all web services share."""

import pytest
from flask.testing import FlaskClient

from libs.flask_service.service import create_service, plain_text


@pytest.fixture(name="http_client")
def _http_client() -> FlaskClient:
    """Return a client for a service that has one page and is not ready."""
    app = create_service(__name__, lambda: "it is resting")
    app.add_url_rule("/page", view_func=lambda: plain_text("a page\n"))
    app.add_url_rule("/broken", view_func=_break)
    return app.test_client()


def _break() -> str:
    raise ValueError("broken")


def test_should_be_live_whatever_it_depends_on(http_client: FlaskClient) -> None:
    response = http_client.get("/livez")
    assert (response.status_code, response.json) == (200, {"live": True})


def test_should_say_why_it_is_not_ready(http_client: FlaskClient) -> None:
    response = http_client.get("/readyz")
    assert response.status_code == 503
    assert response.json == {"ready": False, "reason": "it is resting"}


def test_should_say_that_it_is_ready() -> None:
    response = create_service(__name__, lambda: None).test_client().get("/readyz")
    assert (response.status_code, response.json) == (200, {"ready": True})


def test_should_warn_although_it_is_ready() -> None:
    app = create_service(__name__, lambda: None, lambda: ["it may forget"])
    response = app.test_client().get("/readyz")
    assert response.status_code == 200
    assert response.json == {"ready": True, "warnings": ["it may forget"]}


@pytest.mark.parametrize("path", ["/page", "/livez", "/unknown"])
def test_should_forbid_caching(http_client: FlaskClient, path: str) -> None:
    assert http_client.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/page", 200, "a page\n"),
        ("GET", "/unknown", 404, "Not Found\n"),
        ("POST", "/page", 405, "Method Not Allowed\n"),
        ("GET", "/broken", 500, "Internal Server Error\n"),
    ],
)
def test_should_answer_in_one_plain_line(
    http_client: FlaskClient, method: str, path: str, status: int, text: str
) -> None:
    response = http_client.open(path, method=method)
    assert (response.status_code, response.text) == (status, text)
    assert response.headers.getlist("Content-Type") == ["text/plain; charset=utf-8"]


def test_should_say_which_methods_are_allowed(http_client: FlaskClient) -> None:
    assert http_client.post("/page").allow == {"GET", "HEAD", "OPTIONS"}
