"""Tests of what comes of a Prometheus that is away, slow or no Prometheus."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from libs.flask_service.settings import SettingError
from services.dashboard import prometheus
from services.dashboard.prometheus import NoAnswer, ask, prometheus_from_environment

Answer = Callable[[socket.socket], None]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Yield the address of a server that answers one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def saying(content: bytes, status: str = "200 OK") -> Answer:
    """Return an answer with this content to the first question."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head.encode() + content)

    return answer


def silent(connection: socket.socket) -> None:
    """Wait until the client gives up."""
    while connection.recv(65536):
        pass


def dripping(connection: socket.socket) -> None:
    """Send a header line again and again, until the client gives up."""
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: y\r\n")
            time.sleep(0.05)  # a slow server
    except OSError:
        pass


def test_should_return_the_data() -> None:
    with server(saying(b'{"status": "success", "data": {"alerts": []}}')) as address:
        assert ask(address, [("alerts", {})]) == [{"alerts": []}]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (saying(b"no JSON"), "does not answer as Prometheus does"),
        (saying(b"[]"), "does not answer as Prometheus does"),
        (saying(b'{"status": "error"}', "400 Bad Request"), "does not answer as Prometheus does"),
        (saying(b" " * 2_000_001), "does not answer as Prometheus does"),
        (lambda connection: connection.sendall(b"SSH-2.0\r\n"), "does not answer as"),
    ],
    ids=["text", "list", "error", "long", "other"],
)
def test_should_say_why_there_is_no_answer(answer: Answer, reason: str) -> None:
    with server(answer) as address:
        with pytest.raises(NoAnswer, match=reason):
            ask(address, [("alerts", {})])


@pytest.mark.parametrize("answer", [silent, dripping])
def test_should_wait_no_longer_than_its_limit(
    monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(prometheus, "WAIT_SECONDS", 0.2)
    with server(answer) as address:
        begin = time.monotonic()
        with pytest.raises(NoAnswer, match="did not answer within 0.2 s"):
            ask(address, [("alerts", {})])
        assert 0.2 <= time.monotonic() - begin < 5  # a busy machine


def test_should_say_that_it_cannot_be_reached() -> None:
    with pytest.raises(NoAnswer, match="cannot be reached at http://127.0.0.1:1"):
        ask("http://127.0.0.1:1", [("alerts", {})])


@pytest.mark.parametrize("value", ["prometheus:9090", "https://p", "http://p/x", "http://u@p"])
def test_should_refuse_another_address(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", value)
    with pytest.raises(SettingError, match="must be an address such as http://prometheus:9090"):
        prometheus_from_environment()
