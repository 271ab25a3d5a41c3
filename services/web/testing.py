"""Start a tracker in tests as a user does."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psutil
import requests

from libs.processes.testing import wait_until, wait_until_ended

SORRY = "Sorry, something went wrong \N{PENSIVE FACE}"
"""The text of the error page."""


@dataclass
class Tracker:
    """A tracker started with services/web/serve.py."""

    url: str
    banner: str
    process: psutil.Process

    def family(self) -> list[psutil.Process]:
        """Return the process and all its descendants."""
        return [self.process, *self.process.children(recursive=True)]

    def stop(self, signal_number: signal.Signals) -> int:
        """Send a signal to serve.py, wait for all its processes, and return its exit status."""
        family = self.family()
        self.process.send_signal(signal_number)
        status = self.process.wait(5)
        wait_until_ended(family)
        return status

    def view(self) -> str:
        """View the page and return its text."""
        return requests.get(self.url, timeout=5).text

    def connect(self, receive_buffer_bytes: int | None = None) -> socket.socket:
        """Return a connection with a limit of 10 s for each operation."""
        address = urlsplit(self.url)
        connection = socket.socket()
        if receive_buffer_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        connection.settimeout(10)
        connection.connect((address.hostname, address.port))
        return connection

    def send(self, data: bytes) -> bytes:
        """Send data as it is on a connection of its own, and return all that comes back."""
        received = bytearray()
        with self.connect() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(data)
            with contextlib.suppress(OSError):  # the server has closed the connection
                connection.shutdown(socket.SHUT_WR)
            while some := connection.recv(65536):
                received += some
        return bytes(received)

    def view_until(self, text: str) -> None:
        """Repeat the view until the page begins with text; fail after 10 s."""

        def shows_text() -> bool:
            with contextlib.suppress(requests.RequestException):  # it may be reloading
                return self.view().startswith(text)
            return False

        wait_until(shows_text, f"a page that begins with {text!r}")


def statuses(received: bytes) -> list[int]:
    """Return the statuses of all answers in what a server sent, but not 100 (Continue)."""
    found = map(int, re.findall(rb"HTTP/1\.[01] (\d{3}) ", received))
    return [status for status in found if status != 100]


@contextlib.contextmanager
def tracker(
    *arguments: str, repository: Path = Path(), log: IO[bytes] | None = None, **environment: str
) -> Iterator[Tracker]:
    """Run the tracker of repository on a free port; at the end kill all its processes.

    log receives its standard error.
    """
    python_path = os.pathsep.join(map(os.path.abspath, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-m", "services.web.serve", "--port=0", *arguments],
        cwd=repository,
        env={
            **{name: value for name, value in os.environ.items() if name != "REDIS_URL"},
            "PYTHONPATH": python_path,
            "WEB_CONCURRENCY": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    with process:
        assert process.stdout
        banner = process.stdout.readline()
        url = re.search(r"http://\S+", banner)
        assert url, banner
        started = Tracker(url.group(), banner, psutil.Process(process.pid))
        try:
            yield started
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                for member in started.family():
                    member.kill()
