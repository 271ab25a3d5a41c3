"""Ask Prometheus, and wait no longer and read no more than a page can afford."""

import json
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import urlencode, urlsplit

from libs.flask_service.settings import SettingError

VARIABLE = "PROMETHEUS_URL"

EXAMPLE = "http://prometheus:9090"

WAIT_SECONDS = 0.7
"""How long to wait for all answers together: the page then comes within a second."""

MOST_BYTES = 2_000_000
"""How long an answer may be; ours have some 100,000 bytes."""

_ADDRESS = re.compile(r"http://(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/?", re.ASCII)
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}

Question = tuple[str, Mapping[str, str]]
"""A path of Prometheus' HTTP API below /api/v1/, and its parameters."""


class NoAnswer(Exception):
    """Prometheus gave no answer that can be used; the sentence says why."""


def prometheus_from_environment() -> str | None:
    """Return the address from PROMETHEUS_URL, or None if it is not set.

    Raises libs.flask_service.settings.SettingError if it has more than host and port.
    """
    address = os.environ.get(VARIABLE, "")
    if address and not _ADDRESS.fullmatch(address):
        raise SettingError(f"{VARIABLE} must be an address such as {EXAMPLE}, not {address[:60]!r}")
    return address or None


def ask(address: str, questions: Sequence[Question]) -> list[Any]:
    """Return the data of the answer to each question. Raises NoAnswer.

    The names of hosts are looked up within a limit of their own, that of Gunicorn's worker.
    """
    place = urlsplit(address)
    connection = HTTPConnection(place.hostname or "", place.port or 80, timeout=WAIT_SECONDS)
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        with closing(connection):
            connection.connect()
            sock = connection.sock
            # The time limit of a socket is one for each part of an answer.
            timer = threading.Timer(deadline - time.monotonic(), sock.shutdown, [SHUT_RDWR])
            timer.start()
            try:
                return [_answer(connection, *question) for question in questions]
            finally:
                timer.cancel()
    except (OSError, HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise NoAnswer(f"Prometheus did not answer within {WAIT_SECONDS} s.") from error
        if isinstance(error, OSError):
            raise NoAnswer(f"Prometheus cannot be reached at {address}.") from error
        raise NoAnswer(f"What is at {address} does not answer as Prometheus does.") from error


def _answer(connection: HTTPConnection, path: str, parameters: Mapping[str, str]) -> Any:
    """Return the data of an answer. Raises ValueError if there is none, and what sockets raise."""
    if parameters:
        connection.request("POST", f"/api/v1/{path}", urlencode(parameters), _HEADERS)
    else:
        connection.request("GET", f"/api/v1/{path}")
    with connection.getresponse() as response:
        content = response.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"an answer of more than {MOST_BYTES} bytes")
    answer = json.loads(content)
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise ValueError(f"Prometheus has failed: {answer}"[:500])
    return answer["data"]
