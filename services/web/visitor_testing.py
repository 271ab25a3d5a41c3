"""Visitors in tests, of the page and of a site, who go on whatever fails."""

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from libs.page_views.recording import new_nonce
from libs.page_views.testing import number_of_view
from services.web.testing import SORRY

SITE = "example.org"

_PAUSE_SECONDS = 0.1  # of a visitor whose connection broke, or whose view waits
_JSON = {"Content-Type": "application/json"}


@dataclass
class Seen:
    """What visitors saw of the page. Many of them may add to it at the same time."""

    numbers: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Error pages and broken connections."""
    seconds: list[float] = field(default_factory=list)
    """How long each answer took."""

    @property
    def failed(self) -> int:
        """Return how many views were not acknowledged."""
        return len(self.failures)

    @property
    def attempted(self) -> int:
        """Return how many views were attempted."""
        return len(self.numbers) + self.failed

    def view(self, connection: HTTPConnection) -> None:
        """View the page once."""
        answer = _answer(connection, self.seconds, "GET", "/")
        if answer and answer[0] == 200:
            self.numbers.append(number_of_view(answer[1]))
        else:
            assert answer in (None, (500, SORRY))
            self.failures.append("broken" if answer is None else "sorry")


@dataclass
class Sent:
    """What became of views of a site, by their nonces. Many visitors may add to it at once."""

    attempted: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    """Those that were acknowledged as stored."""
    waiting: set[str] = field(default_factory=set)
    """Those that were acknowledged, but had to wait for Redis."""
    failures: list[str] = field(default_factory=list)
    """Refusals and broken connections."""
    seconds: list[float] = field(default_factory=list)
    """How long each answer took."""

    @property
    def failed(self) -> int:
        """Return how many requests failed."""
        return len(self.failures)

    def view(self, connection: HTTPConnection) -> None:
        """Send a view; if that fails, send it once more with the same nonce."""
        nonce = new_nonce()
        self.attempted.add(nonce)
        if not self._send(connection, nonce):
            self._send(connection, nonce)

    def _send(self, connection: HTTPConnection, nonce: str) -> bool:
        """Send a view; return whether it was acknowledged."""
        view = json.dumps({"site": SITE, "path": f"/{nonce[0]}", "nonce": nonce})
        answer = _answer(connection, self.seconds, "POST", "/api/v1/views", view)
        if answer and answer[0] == 202:
            result = json.loads(answer[1])
            assert (result["accepted"], result["dropped"]) == (1, 0)
            if result["stored"]:
                self.stored.add(nonce)
            else:
                self.waiting.add(nonce)
                time.sleep(_PAUSE_SECONDS)
            return True
        assert answer is None or answer[0] == 503, answer
        self.failures.append("broken" if answer is None else "refused")
        return False


def _answer(
    connection: HTTPConnection, seconds: list[float], method: str, path: str, content: str = ""
) -> tuple[int, str] | None:
    """Return the status and text of an answer, or None if the connection breaks.

    Adds to seconds how long it took.
    """
    begin = time.monotonic()
    try:
        connection.request(method, path, content or None, _JSON if content else {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, HTTPException):
        connection.close()
        time.sleep(_PAUSE_SECONDS)
        return None
    finally:
        seconds.append(time.monotonic() - begin)
