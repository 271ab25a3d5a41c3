"""The gate of a canary: compare the new colour with the old one, as visitors see both.

The gateway's log has status and duration of each request, and which colour answered it. Unlike
what a service says of itself, it also has the requests that a service that crashed never answered.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

ENOUGH = 100
"""How many requests a p99 needs. With fewer, only errors count."""

MORE_ERRORS = 0.01
"""How much larger the share of errors may be than that of the old colour."""

SLOWER, SLACK_MS = 2, 50
"""The p99 may be so many times that of the old colour, and so many milliseconds more."""


@dataclass
class Seen:
    """The requests that a colour has answered, or failed to."""

    milliseconds: list[int] = field(default_factory=list)
    errors: int = 0

    @property
    def share_of_errors(self) -> float:
        """Return how many requests of one failed."""
        return self.errors / len(self.milliseconds) if self.milliseconds else 0.0

    @property
    def p99(self) -> int:
        """Return how many milliseconds the slowest of 100 requests takes; there must be some."""
        return sorted(self.milliseconds)[math.ceil(0.99 * len(self.milliseconds)) - 1]


def add(seen: dict[str, Seen], line: str) -> None:
    """Add a line of the gateway's log to what was seen of its colour; skip any other line."""
    if not line.startswith("{"):
        return
    request = json.loads(line)
    colour = seen.get(str(request.get("backend")).removesuffix("-live"))
    if colour is not None:
        colour.milliseconds.append(request["ms"])
        colour.errors += request["status"] >= 500


def why_not(old: Seen, new: Seen, *, at_the_end: bool) -> str:
    """Return why the new colour must not get all requests, or "".

    Before the end, only errors are judged: the first requests of a service are its slowest.
    """
    if not at_the_end and len(new.milliseconds) < ENOUGH:
        return ""
    if new.share_of_errors > old.share_of_errors + MORE_ERRORS:
        return (
            f"{new.errors} of {len(new.milliseconds)} requests failed,"
            f" before {old.errors} of {len(old.milliseconds)}"
        )
    if at_the_end and comparable(old, new) and new.p99 > SLOWER * old.p99 + SLACK_MS:
        return f"the p99 is {new.p99} ms, before {old.p99} ms"
    return ""


def comparable(*colours: Seen) -> bool:
    """Return whether all colours answered enough requests for a p99."""
    return all(len(seen.milliseconds) >= ENOUGH for seen in colours)


def summary(colours: Iterable[tuple[str, Seen]]) -> str:
    """Return what was seen, in one line."""
    return "; ".join(
        f"{name}: {len(seen.milliseconds)} requests, {seen.errors} failed"
        + (f", p99 {seen.p99} ms" if comparable(seen) else ", too few for a p99")
        for name, seen in colours
    )
