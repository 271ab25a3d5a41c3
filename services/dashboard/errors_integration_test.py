"""Tests of the pages that say what went wrong."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from libs.redis_access.connection import connect
from services.dashboard.app import create_app
from services.dashboard.guard import ROOT
from services.dashboard.testing import ACCOUNT, SIGN_OUT, cookie_of, csrf_token


@pytest.fixture(name="away", params=["closed", "silent"])
def _away(client: FlaskClient, request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    """Yield a client of a dashboard whose Redis has gone, or does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if request.param == "closed":
            server.close()
        with contextlib.closing(connect(f"redis://127.0.0.1:{port}")) as gone:
            away = create_app(gone).test_client()
            away.set_cookie("session", cookie_of(client))
            yield away


def test_should_say_that_redis_is_away(away: FlaskClient) -> None:
    began = time.monotonic()
    answer = away.get(f"{ROOT}/sites/example.org/?range=7d")
    assert time.monotonic() - began < 1
    assert answer.status_code == 503
    assert answer.headers["Refresh"] == answer.headers["Retry-After"] == "5"
    assert "The numbers are not lost." in answer.text
    assert "This page tries again" in answer.text
    assert "Content-Security-Policy" in answer.headers
    assert "Refresh" not in away.post(SIGN_OUT).headers
    assert away.get("/livez").status_code == 200
    with away.get(f"{ROOT}/static/dashboard.css") as style:
        assert style.status_code == 200


def test_should_show_errors_as_pages(client: FlaskClient) -> None:
    missing = client.get(f"{ROOT}/nonsense")
    assert missing.status_code == 404
    assert "style-src 'self'" in missing.headers["Content-Security-Policy"]
    assert "<h1>Not Found</h1>" in missing.text and "Account ada" in missing.text
    wrong = client.put(ACCOUNT, data={"csrf_token": csrf_token(client.get(ACCOUNT))})
    assert (wrong.status_code, wrong.mimetype) == (405, "text/html")
    assert "GET" in wrong.headers["Allow"]
