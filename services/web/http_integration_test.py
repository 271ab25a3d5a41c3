"""Tests of what Gunicorn accepts, answers and logs, with requests as raw bytes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from libs.flask_service.headers import SECURITY_HEADERS
from libs.processes.testing import wait_until
from libs.redis_access.embedded import EmbeddedRedis
from services.web.testing import Tracker, statuses, tracker

VIEW = b"GET / HTTP/1.1\r\nHost: x\r\n"
KIBIBYTE = b"x" * 1024


@pytest.fixture(name="log", scope="module")
def _log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that the tracker logs to."""
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(name="started", scope="module")
def _started(redis_server: EmbeddedRedis, log: Path) -> Iterator[Tracker]:
    with log.open("wb") as file, tracker(REDIS_URL=redis_server.url, log=file) as started:
        yield started


@pytest.mark.parametrize(
    "request_", [VIEW + b"\r\n", b"GET /unknown HTTP/1.1\r\nHost: x\r\n\r\n", b"malformed\r\n\r\n"]
)
def test_should_send_security_headers_and_no_banner(started: Tracker, request_: bytes) -> None:
    answer = started.send(request_).decode()
    head, _, _ = answer.partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert SECURITY_HEADERS.items() <= headers.items()
    assert "Date" in headers
    assert not re.search(r"^Server|gunicorn|werkzeug|flask|python|gevent", answer, re.I | re.M)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /?" + 3 * KIBIBYTE + b" HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /?" + 4 * KIBIBYTE + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (VIEW + b"Cookie: " + 7 * KIBIBYTE + b"\r\n\r\n", 200),
        (VIEW + b"Cookie: " + 8 * KIBIBYTE + b"\r\n\r\n", 431),
        (VIEW + 49 * b"X: y\r\n" + b"\r\n", 200),
        (VIEW + 50 * b"X: y\r\n" + b"\r\n", 431),
        (VIEW + 4 * (b"X: " + 7 * KIBIBYTE + b"\r\n") + b"\r\n", 200),
        (VIEW + 5 * (b"X: " + 7 * KIBIBYTE + b"\r\n") + b"\r\n", 431),
        (VIEW + b"Content-Length: 65537\r\n\r\n", 413),
        (VIEW + b"Content-Length: 99999999999999999999\r\n\r\n", 413),
        (VIEW + b"Transfer-Encoding: chunked\r\n\r\n10001\r\n" + 65 * KIBIBYTE, 413),
        (VIEW + b"Content-Length: 65536\r\n\r\n" + 64 * KIBIBYTE, 415),
        (VIEW + b"Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}", 415),
        (VIEW + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", 415),
        (VIEW + b"Expect: a miracle\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ],
)
def test_should_refuse_what_is_too_large_or_not_for_the_page(
    started: Tracker, request_: bytes, status: int
) -> None:
    assert statuses(started.send(request_)) == [status]


def test_should_send_the_reason_for_a_refusal_in_one_plain_line(started: Tracker) -> None:
    head, _, text = started.send(b"GET /?" + 64 * KIBIBYTE).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 414 Request-URI Too Long\r\n")
    assert b"\r\nContent-Type: text/plain; charset=utf-8\r\n" in head
    assert text == b"Request-URI Too Long\n"


@pytest.mark.parametrize(
    "header", [b"SCRIPT_NAME: /x", b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off"]
)
def test_should_ignore_forwarded_headers_even_of_this_machine(
    started: Tracker, header: bytes
) -> None:
    assert statuses(started.send(VIEW + header + b"\r\n\r\n")) == [200]


@pytest.mark.parametrize(
    ("place", "status"),
    [
        (b"GET /secret/?secret HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /?secret HTTP/1.1\r\nHost: secret\r\nUser-Agent: secret\r\n\r\n", 200),
        (b"secret /secret?secret HTTP/secret\r\n\r\n", 400),
        (b"GET /?secret HTTP/1.1 \r\n\r\n", 400),
        (VIEW + b"secret\r\n\r\n", 400),
        (VIEW + b"secret(: secret\r\n\r\n", 400),
        (VIEW + b"Authorization: secret\x01\r\n\r\n", 400),
        (VIEW + b"Expect: secret\r\n\r\n", 417),
        (VIEW + b"Transfer-Encoding: secret\r\n\r\n", 400),
        (VIEW + b"Transfer-Encoding: chunked\r\n\r\nsecret\r\n", 400),
        (VIEW + b"SCRIPT_NAME: secret\r\n\r\n", 200),
    ],
)
def test_should_log_nothing_that_a_client_sent(
    started: Tracker, log: Path, place: bytes, status: int
) -> None:
    # When
    received = started.send(place)

    # Then
    logged = log.read_text().replace(f"Listening at: {started.url}", "")
    assert statuses(received) == [status]
    assert "secret" not in logged
    assert "127.0.0.1" not in logged
    assert "Traceback" not in logged


def test_should_name_the_route_and_no_path_in_an_access_log(
    redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    # Given
    log = tmp_path / "log"
    options = f"--access-logfile={log}"
    with tracker(REDIS_URL=redis_server.url, GUNICORN_CMD_ARGS=options) as started:
        # When
        for asked in ("api/v1/sites/secret.example/totals?x=secret", "secret"):
            requests.get(f"{started.url}/{asked}", headers={"User-Agent": "secret"}, timeout=5)
        wait_until(lambda: log.read_text().count("\n") == 2, "two lines")

    # Then
    assert re.findall(r"GET (\S+) 404 ", log.read_text()) == ["/api/v1/sites/<name>/totals", "-"]
    assert "secret" not in log.read_text()
