"""Read the page views in the JSON that clients send."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

MAX_VIEWS = 500
"""How many views one request may send."""

_MAX_CHARACTERS = 4096  # of a path or referrer; libs.page_views has its own limits
_NONCE = re.compile(r"[\w-]{8,64}", re.ASCII)
_EARLIEST = 946_684_800  # 2000-01-01, in seconds since 1970


class InvalidSubmission(ValueError):
    """The content is not as the API describes it; the message says what to change."""


@dataclass(frozen=True)
class SentView:
    """A view as a client sends it; nothing in it can be trusted."""

    site: str
    path: str
    referrer: str = ""
    nonce: str = ""
    """The client's own name for the view, which makes its retries harmless; "" if it has none."""
    address: str = ""
    user_agent: str = ""
    time: float | None = None
    """Seconds since 1970. Like the two before, only a program with a token may say it."""

    @property
    def overrides(self) -> bool:
        """Whether it says what only a program with a token may say."""
        return bool(self.address or self.user_agent or self.time is not None)


def read_submission(content: bytes) -> list[SentView]:
    """Return the views in a JSON object: one view, or {"views": [view, …]}.

    Fields that are not known are ignored. Raises InvalidSubmission.
    """
    try:
        submission = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidSubmission('the content is not JSON; send {"site": …, "path": …}') from error
    views = submission.get("views", [submission]) if isinstance(submission, dict) else None
    if not isinstance(views, list) or not all(isinstance(view, dict) for view in views):
        raise InvalidSubmission('send an object, {"site": …, "path": …} or {"views": [{…}, …]}')
    if not 0 < len(views) <= MAX_VIEWS:
        raise InvalidSubmission(f"send from 1 to {MAX_VIEWS} views, not {len(views)}")
    return [_view(view) for view in views]


def _view(fields: dict[str, Any]) -> SentView:
    for name in ("site", "path"):
        if not isinstance(fields.get(name), str):
            raise InvalidSubmission(f"each view needs {name}, a string")
    view = {name: _text(fields, name) for name in ("referrer", "nonce", "address", "user_agent")}
    if view["nonce"] and not is_nonce(view["nonce"]):
        raise InvalidSubmission("nonce must have 8 to 64 letters, digits, - and _, and be unique")
    when = fields.get("time")
    if when is not None and not (_is_number(when) and _EARLIEST <= when <= time.time() + 60):
        raise InvalidSubmission("time must be the seconds since 1970, not before 2000 or to come")
    return SentView(fields["site"], fields["path"][:_MAX_CHARACTERS], **view, time=when)


def is_nonce(text: str) -> bool:
    """Return whether a client may name a view so."""
    return bool(_NONCE.fullmatch(text))


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidSubmission(f"{name} must be a string")
    return value[:_MAX_CHARACTERS]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
