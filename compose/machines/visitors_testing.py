"""Visitors in tests who go on whatever fails, and go to another gateway when theirs is lost."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import pairwise

from libs.page_views.recording import new_nonce
from libs.page_views.testing import number_of_view
from libs.processes.testing import wait_until

SITE = "example.org"
VISITORS = 8
ANSWER_SECONDS = 5

_PAUSE_SECONDS = 0.2  # of a visitor whose view failed
_LAST_SECONDS = 240  # to send again what has failed, when everything is well again


@dataclass
class Seen:
    """What visitors saw. All of them add to it at the same time."""

    numbers: list[int] = field(default_factory=list)
    """The numbers that the page has shown."""
    stored: list[str] = field(default_factory=list)
    """The nonces of the site's views that were acknowledged as stored."""
    failed_pages: list[str] = field(default_factory=list)
    failed_views: list[str] = field(default_factory=list)
    """Refusals of site's views, which were sent again, with those that were not stored yet."""
    times: list[float] = field(default_factory=list)
    """When something was acknowledged, by time.monotonic()."""

    @property
    def requests(self) -> int:
        """Return how many requests were made."""
        acknowledged = len(self.numbers) + len(self.stored)
        return acknowledged + len(self.failed_pages) + len(self.failed_views)

    def outage_seconds(self) -> float:
        """Return the longest time in which nothing was acknowledged."""
        times = sorted(self.times)
        return max(later - earlier for earlier, later in pairwise(times))

    def check(self, pages: int, views: int) -> None:
        """Fail unless all that was acknowledged is stored once.

        pages and views are how many views of the front page and of the site were stored.
        """
        assert len(set(self.numbers)) == len(self.numbers), "a number was shown twice"
        assert len(self.numbers) <= pages <= len(self.numbers) + len(self.failed_pages)
        assert len(set(self.stored)) == len(self.stored) == views


@contextlib.contextmanager
def visitors(hosts: Sequence[str], enter_network: Callable[[], None]) -> Iterator[Seen]:
    """Let visitors come again and again until the context ends; yield what they see.

    hosts are the gateways. Half of the visitors view the front page; the others send views of SITE,
    each with its nonce until it is acknowledged as stored.
    """
    seen, stop = Seen(), threading.Event()

    def visit(number: int) -> None:
        enter_network()
        connections = [HTTPConnection(host, timeout=ANSWER_SECONDS) for host in hosts]
        if number % 2:
            connections.reverse()
        try:
            while not stop.is_set():
                if number % 4 < 2:
                    _view_page(connections, seen)
                else:
                    _send_view(connections, seen)
        finally:
            for connection in connections:
                connection.close()

    with ThreadPoolExecutor(VISITORS) as threads:
        visits = [threads.submit(visit, number) for number in range(VISITORS)]
        try:
            wait_until(lambda: len(seen.numbers) > 10 and len(seen.stored) > 10, "views", 30)
            yield seen
        finally:
            stop.set()
        for each in visits:
            each.result()


def _view_page(connections: list[HTTPConnection], seen: Seen) -> None:
    """View the page once; what fails may have been counted, so it is not repeated."""
    status, text = _answer(connections, "GET", "/")
    if status == 200:
        seen.numbers.append(number_of_view(text))
        seen.times.append(time.monotonic())
    else:
        seen.failed_pages.append(f"{status} {text}")
        time.sleep(_PAUSE_SECONDS)


def _send_view(connections: list[HTTPConnection], seen: Seen) -> None:
    """Send a view until it is acknowledged as stored."""
    nonce = new_nonce()
    view = json.dumps({"site": SITE, "path": f"/{nonce[0]}", "nonce": nonce})
    deadline = time.monotonic() + _LAST_SECONDS
    while True:
        status, text = _answer(connections, "POST", "/api/v1/views", view)
        if status == 202 and json.loads(text)["stored"]:
            assert json.loads(text)["accepted"] == 1, text
            seen.stored.append(nonce)
            seen.times.append(time.monotonic())
            return
        seen.failed_views.append(f"{status} {text}")
        assert time.monotonic() < deadline, text
        time.sleep(_PAUSE_SECONDS)


def _answer(
    connections: list[HTTPConnection], method: str, path: str, content: str = ""
) -> tuple[int, str]:
    """Return the status and text of an answer; 0 and why, if the connection breaks.

    Takes the next gateway from then on.
    """
    try:
        headers = {"Content-Type": "application/json"} if content else {}
        connections[0].request(method, path, content or None, headers)
        response = connections[0].getresponse()
        return response.status, response.read().decode()
    except (OSError, HTTPException) as error:
        connections[0].close()
        connections.append(connections.pop(0))
        return 0, repr(error)
