"""Count views in tests while the servers that hold them fail."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import redis

from libs.page_views.counting import PageViewCounter

VISITORS = 16


@dataclass
class Seen:
    """What visitors have seen so far."""

    numbers: list[int] = field(default_factory=list)
    failures: list[redis.RedisError] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """How long each view took, counted or not."""

    def check(self, stored: int) -> None:
        """Fail unless all that was acknowledged is stored once, and each failed view at most."""
        assert len(set(self.numbers)) == len(self.numbers), "a number was shown twice"
        assert max(self.numbers) <= stored
        assert len(self.numbers) <= stored <= len(self.numbers) + len(self.failures)


@contextlib.contextmanager
def visitors(counter: PageViewCounter) -> Iterator[Seen]:
    """Let visitors view the page again and again until the context ends; yield what they see."""
    seen = Seen()
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            begin = time.monotonic()
            try:
                seen.numbers.append(counter.count())
            except redis.RedisError as error:
                seen.failures.append(error)
            seen.seconds.append(time.monotonic() - begin)

    with ThreadPoolExecutor(VISITORS) as executor:
        visits = [executor.submit(visit) for _ in range(VISITORS)]
        try:
            yield seen
        finally:
            stop.set()
        for visited in visits:
            visited.result()


def counts(counter: PageViewCounter) -> bool:
    """Return whether a view is counted."""
    with contextlib.suppress(redis.RedisError):
        return counter.count() > 0
    return False
