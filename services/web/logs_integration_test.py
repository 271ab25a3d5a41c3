"""Tests of what the image logs, with Gunicorn as it runs in a container."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from libs.processes.testing import wait_until, wait_until_ended

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ASKING = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00", "User-Agent": "secret"}


@pytest.fixture(name="image", scope="module")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Image"]:
    """Yield the program of the image; its Redis is away."""
    log = tmp_path_factory.mktemp("image") / "log"
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        with subprocess.Popen(
            [sys.executable, "-m", "services.web", "--bind", f"fd://{listener.fileno()}"],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                "REDIS_URL": "redis://127.0.0.1:1",
                "METRICS_PORT": "0",
                "GIT_COMMIT": "abc",
                "WEB_CONCURRENCY": "1",
            },
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process:
            image = Image(log, psutil.Process(process.pid), listener.getsockname()[1])
            try:
                yield image
            finally:
                image.stop()


class Image:
    """A program that runs, and what it logs."""

    def __init__(self, log: Path, process: psutil.Process, port: int) -> None:
        self.log = log
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def lines(self) -> list[dict[str, Any]]:
        """Return all lines; each must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def lines_of(self, trace: str) -> list[dict[str, Any]]:
        """Return the lines of a trace, once the last line of its request is there."""
        found: list[dict[str, Any]] = []

        def answered() -> bool:
            found[:] = [line for line in self.lines() if line.get("trace_id") == trace]
            return bool(found) and "status" in found[-1]

        wait_until(answered, "the line of a request")
        return found

    def stop(self) -> None:
        """Stop all processes that run, by force if they do not stop."""
        if not self.process.is_running():
            return
        family = [self.process, *self.process.children(recursive=True)]
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(psutil.TimeoutExpired):
            self.process.wait(10)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        wait_until_ended(family)


def test_should_log_an_error_with_the_trace_that_its_page_tells(image: Image) -> None:
    # When
    page = requests.get(f"{image.url}/?secret", headers=ASKING, timeout=5)

    # Then
    assert page.status_code == 500
    assert page.headers["traceresponse"].startswith(f"00-{TRACE}-")
    *why, request = image.lines_of(TRACE)
    assert "The page view could not be counted" in [line["event"] for line in why]
    assert (request["method"], request["route"], request["status"]) == ("GET", "/", 500)
    assert 0 < request["ms"] < 5000
    assert request["level"] == "error"


@pytest.mark.parametrize("traceparent", ["", "secret", f"00-{'0' * 32}-00f067aa0ba902b7-00"])
def test_should_make_a_trace_where_there_is_no_valid_one(image: Image, traceparent: str) -> None:
    page = requests.get(image.url, headers={"traceparent": traceparent}, timeout=5)
    trace = page.headers["traceresponse"].split("-")[1]
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", trace)
    assert image.lines_of(trace)


@pytest.mark.parametrize(
    ("rest", "status"),
    [("Host: x\r\nTransfer-Encoding: secret\r\n", 400), ("", 400), ("Host: x\r\nsecret\r\n", 400)],
)
def test_should_log_what_gunicorn_refuses(image: Image, rest: str, status: int) -> None:
    # When
    with socket.create_connection(("127.0.0.1", image.port), timeout=5) as client:
        client.sendall(f"GET /secret HTTP/1.1\r\n{rest}\r\n".encode())
        answer = client.makefile("rb").read().decode()

    # Then
    told = re.search(r"^traceresponse: 00-(\w{32})-", answer, re.MULTILINE)
    assert told and answer.startswith(f"HTTP/1.1 {status} ")
    (line,) = image.lines_of(told[1])
    assert line["event"].startswith(f"Refused a request: {status}, ")
    assert line["status"] == status


def test_should_log_json_only_from_its_start_to_its_end(image: Image) -> None:
    # Given
    requests.get(f"{image.url}/livez", timeout=5)
    worker = image.process.children()[0]

    # When
    worker.kill()
    wait_until(lambda: worker not in image.process.children(), "the end of a worker")
    wait_until(lambda: len(image.process.children()) == 1, "another worker")
    requests.get(f"{image.url}/livez", timeout=5)
    image.stop()

    # Then
    lines = image.lines()
    events = " ".join(line["event"] for line in lines)
    for event in ("Redis cannot be reached", "Starting gunicorn", "was sent SIGKILL", "Shutting"):
        assert event in events
    assert {(line["service"], line["version"]) for line in lines} == {("web", "abc")}
    for text in ("secret", "Mozilla", "/livez"):
        assert text not in image.log.read_text()
