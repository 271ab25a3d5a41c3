"""Tests of the gateway: whom it asks, whom it believes, what it limits, denies and logs."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from compose.testing import Stack
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(180)  # starting a stack takes long where others start too

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
FORGED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
LIMIT = 20
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

# Prints the status of attempts to sign in, each with another forged address.
SIGN_IN = """
import re, requests, sys
page = f"{sys.argv[1]}/dashboard/sign-in"
for attempt in range(int(sys.argv[2])):
    session = requests.Session()
    token = re.search('csrf_token" value="([^"]+)', session.get(page).text)[1]
    form = {"csrf_token": token, "name": f"nobody{attempt}", "password": "wrong"}
    print(session.post(page, form, headers={"X-Forwarded-For": f"203.0.113.{attempt}"}).status_code)
"""

# Prints the status of the answer to a view of a site.
VIEW = """
import json, requests, sys
view = {"site": sys.argv[2], "path": "/"}
headers = json.loads(sys.argv[3])
print(requests.post(f"{sys.argv[1]}/api/v1/views", json=view, headers=headers).status_code)
"""


def run_from(stack: Stack, network: str, script: str, *arguments: str) -> list[str]:
    """Run a script in a network; return the lines it prints. The first argument is added: the URL.

    Clients in the network "host" all have the same address, and those in a container another.
    """
    url = stack.url("") if network == "host" else "http://gateway-service:8000"
    image = f"{os.environ.get('IMAGE_PREFIX', '')}page-tracker-e2e"
    printed = stack.docker.run(
        f"{image}:{os.environ.get('IMAGE_TAG', 'latest')}",  # it has requests
        ["-c", script, url, *arguments],
        entrypoint="/app/bin/python",
        networks=[network],
        remove=True,
    )
    return str(printed).split()


def logged(stack: Stack, method: str, path: str, **headers: str) -> dict[str, Any]:
    """Send a request; return what the log says of it."""
    before = stack.access_log()[-1:]
    # A path is sent as it is; requests would normalize it.
    address = urlsplit(stack.url())
    connection = HTTPConnection(f"{address.hostname}", address.port, timeout=5)
    with closing(connection):
        connection.request(method, path, headers=headers)
        connection.getresponse().read()
    wait_until(lambda: stack.access_log()[-1:] != before, "a line in the log")
    return stack.access_log()[-1]


@pytest.mark.parametrize("proxies", ["", "192.0.2.1 198.51.100.0/24"])
def test_should_have_a_configuration_without_warnings(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, proxies: str
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", proxies)
    check = "haproxy -c -dW -f /usr/local/etc/haproxy/haproxy.cfg"
    stack.command(f"run --rm --no-deps gateway-service {check}")


@pytest.mark.parametrize(
    ("path", "status", "backend"),
    [
        ("/", 200, "web-service"),
        ("/api/v1/sites/none.example/totals", 404, "web-service"),
        ("/dashboard", 303, "dashboard-service"),
        ("/dashboard/sign-in", 200, "dashboard-service"),
        ("/dashboards", 404, "web-service"),
        *[
            (path, 404, "public")  # no service is asked
            for path in ("/metrics", "/metrics/", "//metrics", "/metrics?a=b", "/%6Detrics/x")
        ],
    ],
)
def test_should_ask_the_service_that_has_a_path(
    stack: Stack, path: str, status: int, backend: str
) -> None:
    line = logged(stack, "GET", path)
    assert (line["status"], line["backend"]) == (status, backend)


def test_should_log_a_request_without_what_its_client_says(stack: Stack) -> None:
    # Given
    secret = uuid4().hex

    # When
    line = logged(stack, "GET", f"/dashboard/sites/{secret}/?{secret}", **{"User-Agent": secret})

    # Then
    assert line.pop("time") > "2025-01-01T00:00:00.000Z"
    assert line.pop("bytes") > 100
    assert line.pop("ms") < 5000
    assert re.fullmatch("[0-9a-f]{32}", line.pop("trace_id"))
    assert line == {
        **{"service": "gateway", "level": "info", "method": "GET", "protocol": "HTTP/1.1"},
        **{"tls": "", "backend": "dashboard-service", "server": "dashboard-service-1"},
        **{"status": 303, "retries": 0, "ended": "--"},
    }
    log = stack.command("logs gateway-service")
    assert secret not in log
    assert stack.client_address not in log


@pytest.mark.parametrize(
    ("traceparent", "taken"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-00", True),
        ("secret", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-00", False),
        (f"00-{TRACE}-{'0' * 16}-00", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-00", False),
        (f"00-{TRACE}-00f067aa0ba902b7-00,00-{TRACE}-00f067aa0ba902b7-00", False),
    ],
)
def test_should_log_one_trace_through_all_services(
    stack: Stack, traceparent: str, taken: bool
) -> None:
    # When
    address = stack.url("/api/v1/sites/none.example/totals")
    answer = requests.get(address, headers={"traceparent": traceparent}, timeout=5)

    # Then
    trace = answer.headers["traceresponse"].split("-")[1]
    assert answer.status_code == 404
    assert (trace == TRACE) == taken
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", trace)

    def logging_services() -> set[str]:
        log = stack.command("logs --no-log-prefix")
        lines = re.findall(rf'\{{.*"{trace}".*\}}', log)
        return {json.loads(line)["service"] for line in lines}

    wait_until(lambda: logging_services() == {"gateway", "web"}, "the lines of the trace")


def test_should_tell_the_trace_of_what_it_denies(stack: Stack) -> None:
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"}
    denied = requests.get(stack.url("/metrics"), headers=headers, timeout=5)
    assert denied.headers["traceresponse"].startswith(f"00-{TRACE}-")
    assert "traceresponse" not in requests.get(stack.url(), timeout=5).headers


@pytest.mark.parametrize(
    ("path", "content"),
    [("/tracker.js", "document"), ("/about", "<html"), ("/dashboard/sign-in", "<html")],
)
def test_should_compress_what_no_service_has_compressed(
    stack: Stack, path: str, content: str
) -> None:
    answer = requests.get(stack.url(path), timeout=5)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert content in answer.text


def test_should_tell_services_the_address_of_a_visitor(stack: Stack) -> None:
    # Given
    stack.command("run --rm -T admin sites add gateway.example --public")
    container = stack.network

    # When
    for network in ("host", container):
        for forged in ({}, FORGED):
            headers = json.dumps({"User-Agent": BROWSER, **forged})
            assert run_from(stack, network, VIEW, "gateway.example", headers) == ["202"]

    # Then
    totals = requests.get(stack.url("/api/v1/sites/gateway.example/totals"), timeout=5).json()
    assert (totals["views"], totals["visitors"]) == (4, 2)


def test_should_limit_attempts_to_sign_in_by_address(stack: Stack) -> None:
    assert run_from(stack, "host", SIGN_IN, "7") == ["401"] * 5 + ["429"] * 2
    assert run_from(stack, stack.network, SIGN_IN, "1") == ["401"]


def test_should_believe_a_proxy_that_it_trusts(stack: Stack) -> None:
    with started_with(stack, "TRUSTED_PROXIES", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"):
        form = requests.get(stack.url("/dashboard/sign-in"), headers=FORGED, timeout=5)
    assert "__Host-session" in form.cookies  # so the scheme was believed


def test_should_limit_the_requests_of_an_address(stack: Stack) -> None:
    with started_with(stack, "ADDRESS_REQUESTS", f"{LIMIT}"):
        answers = [requests.get(stack.url(), headers=FORGED, timeout=5) for _ in range(LIMIT + 5)]
        of_another = run_from(stack, stack.network, SIGN_IN, "1")
    assert [answer.status_code for answer in answers] == [200] * LIMIT + [429] * 5
    assert answers[-1].headers["Retry-After"] == "10"
    assert of_another == ["401"]


@contextmanager
def started_with(stack: Stack, name: str, value: str) -> Iterator[None]:
    """Start the gateway with a variable, and without it when the context ends."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(name, value)
        stack.up()
        try:
            yield
        finally:
            environment.undo()
            stack.up()


def test_should_end_requests_that_take_too_long(stack: Stack) -> None:
    # Given
    address = urlsplit(stack.url())
    head = b"GET / HTTP/1.1\r\nHost:"
    content = b"POST /api/v1/views HTTP/1.1\r\nHost: slow\r\nContent-Length: 9\r\n\r\n"
    with ExitStack() as connections:
        slow = []
        for sent in (head, content):
            client = socket.create_connection((address.hostname, address.port), timeout=8)
            slow.append(connections.enter_context(client))

            # When
            client.sendall(sent)

        # Then
        for client in slow:
            assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
