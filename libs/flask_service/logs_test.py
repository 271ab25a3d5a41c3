"""Tests of the lines that services log."""

import contextvars
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from libs.flask_service import logs
from libs.flask_service.logs import configuration, formatter
from libs.flask_service.service import create_service, plain_text

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ASKING = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "User-Agent": "secret"}


class Lines(logging.Handler):
    """Keeps the lines of a service, as it would write them."""

    def __init__(self, json_lines: bool) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(formatter("web", json_lines))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))


@pytest.fixture(name="lines")
def _lines(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Yield the lines logged during a test, as JSON unless the test's parameter is False."""
    monkeypatch.setenv("GIT_COMMIT", "abc")
    handler = Lines(getattr(request, "param", True))
    levels = configuration("web")["loggers"]["libs.flask_service.logs"]
    logger = logging.getLogger("libs.flask_service.logs")
    logging.root.addHandler(handler)
    logger.setLevel(levels["level"])
    yield handler.lines
    logger.setLevel(logging.NOTSET)
    logging.root.removeHandler(handler)


def client() -> FlaskClient:
    """Return a client for a service that has a page, a broken page and is not ready."""
    app = create_service(__name__, lambda: "it is resting")
    app.add_url_rule("/page", view_func=lambda: plain_text("a page\n"))
    app.add_url_rule("/broken/<token>", view_func=_break)
    return app.test_client()


def _break(token: str) -> str:
    raise ValueError(f"broken {len(token)}")


def read(lines: list[str]) -> list[dict[str, Any]]:
    """Return what JSON lines say."""
    return [json.loads(line) for line in lines]


def test_should_log_when_what_where_and_in_which_trace(lines: list[str]) -> None:
    # When
    client().post("/page?secret", headers=ASKING)

    # Then
    (line,) = read(lines)
    assert lines[0].startswith('{"time": "20')
    assert line.pop("time").endswith("Z") and line.pop("ms") < 500
    assert line == {
        "level": "info",
        "service": "web",
        "version": "abc",
        "trace_id": TRACE,
        "method": "POST",
        "route": "-",  # no page takes POST
        "event": "request",
        "status": 405,
    }


def test_should_log_a_failure_in_two_lines_of_one_trace(lines: list[str]) -> None:
    client().get("/broken/secret", headers=ASKING)
    why, request = read(lines)
    assert why["event"] == "GET /broken/<token> failed"
    assert why["exception"].endswith("ValueError: broken 6")
    assert (request["event"], request["status"]) == ("request", 500)
    for line in (why, request):
        assert line["trace_id"] == TRACE
        assert (line["route"], line["level"]) == ("/broken/<token>", "error")
    assert "secret" not in "".join(lines)


@pytest.mark.parametrize(("setting", "logged"), [("some", []), ("all", [("info", 200)])])
def test_should_log_requests_without_a_problem_if_told_so(
    lines: list[str], monkeypatch: pytest.MonkeyPatch, setting: str, logged: list[Any]
) -> None:
    monkeypatch.setenv("LOG_REQUESTS", setting)
    client().get("/page")
    assert [(line["level"], line["status"]) for line in read(lines)] == logged


def test_should_not_log_that_it_is_still_not_ready(lines: list[str]) -> None:
    assert client().get("/readyz").status_code == 503
    assert not lines


def test_should_not_log_a_request_that_has_ended(lines: list[str]) -> None:
    # Given
    contexts = []
    app = create_service(__name__, lambda: None)

    @app.get("/start")
    def start() -> str:
        contexts.append(contextvars.copy_context())  # as a greenlet gets it that starts here
        return ""

    # When
    app.test_client().get("/start", headers=ASKING)
    contexts[0].run(logging.getLogger("a library").warning, "later")

    # Then
    (line,) = read(lines)
    assert line["event"] == "later"
    assert "trace_id" not in line


def test_should_warn_of_a_slow_request(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "SLOW_SECONDS", 0)
    client().get("/page")
    (line,) = read(lines)
    assert (line["level"], line["status"]) == ("warning", 200)


def test_should_tell_a_client_the_trace_of_its_error() -> None:
    response = client().get("/unknown", headers=ASKING)
    assert response.headers["traceresponse"].split("-")[:2] == ["00", TRACE]
    assert "traceresponse" not in client().get("/page", headers=ASKING).headers


def test_should_log_no_method_that_a_client_invents(lines: list[str]) -> None:
    client().open("/page", method="SECRET")
    assert read(lines)[0]["method"] == "-"


def test_should_keep_lines_short_enough_to_be_written_in_one_piece(lines: list[str]) -> None:
    try:
        raise ValueError("é" + "x" * 10_000 + "the end")
    except ValueError:
        logging.getLogger("a library").exception("y" * 10_000)
    assert len(lines[0]) < 4096
    assert read(lines)[0]["exception"].endswith("the end")


@pytest.mark.parametrize("lines", [False], indirect=True)
def test_should_log_for_people_without_local_variables(lines: list[str]) -> None:
    secret = "".join(["sec", "ret"])
    client().get("/broken/secret")
    assert secret not in "".join(lines)
    assert "[error    ] GET /broken/<token> failed" in lines[0]
    assert "ValueError: broken 6" in lines[0]
    assert "status=500" in lines[1]


@pytest.mark.parametrize(("log_format", "stream"), [("json", "stdout"), ("console", "stderr")])
def test_should_log_for_programs_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, log_format: str, stream: str
) -> None:
    monkeypatch.setenv("LOG_FORMAT", log_format)
    assert configuration("web")["handlers"]["lines"]["stream"] is getattr(sys, stream)
