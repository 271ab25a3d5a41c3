"""Tests of the answers that all web services share."""

import pytest
from flask import request
from flask.testing import FlaskClient

from libs.flask_service.headers import SECURITY_HEADERS
from libs.flask_service.service import create_service, plain_text
from libs.flask_service.settings import SettingError


@pytest.fixture(name="http_client")
def _http_client() -> FlaskClient:
    """Return a client for a service that has one page and is not ready."""
    app = create_service(__name__, lambda: "it is resting")
    app.add_url_rule("/page", view_func=lambda: plain_text("a page\n"))
    app.add_url_rule("/cached", "cached", lambda: ("", {"cache-control": "max-age=9"}))
    app.add_url_rule("/api/page", "api_page", lambda: "")
    for prefix in ("", "/api"):
        app.add_url_rule(f"{prefix}/broken/<token>", view_func=_break)
    return app.test_client()


def _break(token: str) -> str:
    assert token
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


@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("/page", {"Content-Type", "Content-Length"}),
        ("/livez", {"Content-Type", "Content-Length"}),
        ("/unknown", {"Content-Type", "Content-Length", "traceresponse"}),
        ("/broken/x", {"Content-Type", "Content-Length", "traceresponse"}),
    ],
)
def test_should_add_the_security_headers(
    http_client: FlaskClient, path: str, others: set[str]
) -> None:
    headers = http_client.get(path).headers
    assert SECURITY_HEADERS.items() <= dict(headers).items()
    assert sorted(headers.keys()) == sorted(SECURITY_HEADERS.keys() | others)


def test_should_let_a_page_set_its_own_headers(http_client: FlaskClient) -> None:
    assert http_client.get("/cached").headers.getlist("Cache-Control") == ["max-age=9"]


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/page", 200, "a page\n"),
        ("GET", "/unknown", 404, "Not Found\n"),
        ("POST", "/page", 405, "Method Not Allowed\n"),
        ("GET", "/broken/x", 500, "Internal Server Error\n"),
    ],
)
def test_should_answer_in_one_plain_line(
    http_client: FlaskClient, method: str, path: str, status: int, text: str
) -> None:
    response = http_client.open(path, method=method)
    assert (response.status_code, response.text) == (status, text)
    assert response.headers.getlist("Content-Type") == ["text/plain; charset=utf-8"]


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/api/unknown", 404, "Not Found"),
        ("POST", "/api/page", 405, "Method Not Allowed"),
        ("GET", "/api/broken/x", 500, "Internal Server Error"),
    ],
)
def test_should_answer_programs_with_a_problem(
    http_client: FlaskClient, method: str, path: str, status: int, title: str
) -> None:
    response = http_client.open(path, method=method)
    answer = response.json or {}
    assert (response.status_code, answer["status"], answer["title"]) == (status, status, title)
    assert answer["detail"].endswith(".")
    assert response.headers.getlist("Content-Type") == ["application/problem+json"]
    assert SECURITY_HEADERS.items() <= dict(response.headers).items()


def test_should_say_which_methods_are_allowed(http_client: FlaskClient) -> None:
    assert http_client.post("/page").allow == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "", None])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/page", 415), ("HEAD", "/page", 415), ("POST", "/page", 405), ("GET", "/no", 404)],
)
def test_should_refuse_content_of_any_type(
    http_client: FlaskClient, method: str, path: str, status: int, content_type: str | None
) -> None:
    response = http_client.open(path, method=method, data=b"{}", content_type=content_type)
    assert response.status_code == status


def test_should_log_a_failure_without_what_the_client_sent(
    http_client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    http_client.get("/broken/secret?secret", headers={"User-Agent": "secret"})
    assert "GET /broken/<token> failed" in caplog.text
    assert "ValueError: broken" in caplog.text
    assert "secret" not in caplog.text


def test_should_believe_trusted_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "127.0.0.0/8")
    app = create_service(__name__, lambda: None)
    app.add_url_rule("/", view_func=lambda: str(request.remote_addr))
    response = app.test_client().get("/", headers={"X-Forwarded-For": "203.0.113.9"})
    assert response.text == "203.0.113.9"


def test_should_refuse_invalid_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "proxy")
    with pytest.raises(SettingError, match="TRUSTED_PROXIES must be networks"):
        create_service(__name__, lambda: None)
