"""Start a tracker in tests as a user does."""

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import requests

from libs.flask_service.testing import Program, program
from libs.processes.testing import wait_until

SORRY = "Sorry, something went wrong \N{PENSIVE FACE}"
"""The text of the error page."""


@dataclass
class Tracker(Program):
    """A tracker started with services/web/serve.py."""

    @property
    def url(self) -> str:
        """Return its address."""
        return self.urls[0]

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
    with program(
        "services.web.serve", 1, *arguments, repository=repository, log=log, **environment
    ) as started:
        yield Tracker(started.banner, started.process)
