"""The trace of a request, by W3C Trace Context: taken from whoever asks, or made.

It costs nothing until somebody asks for it, which is when a line is logged or an error answered.
"""

import os
import re
from collections.abc import MutableMapping
from typing import Any

RESPONSE_HEADER = "traceresponse"
"""The header that tells a client the trace of its request, as W3C's drafts of the levels name it.

Its value has the form of traceparent.
"""

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = "page_tracker.trace_id"


def trace_id(environ: MutableMapping[str, Any]) -> str:
    """Return the trace ID of a request with this WSGI environment: 32 lower-case hex digits."""
    known: str | None = environ.get(_KEY)
    if known is None:
        known = environ[_KEY] = trace_id_from(environ.get("HTTP_TRACEPARENT", ""))
    return known


def trace_id_from(traceparent: str) -> str:
    """Return the trace ID in the value of a header traceparent, or a new one if it is invalid.

    Nothing else is taken over: whoever asks decides neither what is logged nor who sees it.
    """
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found else os.urandom(16).hex()


def trace_response(known: str) -> str:
    """Return the value of the header RESPONSE_HEADER for a trace ID."""
    return f"00-{known}-{os.urandom(8).hex()}-01"
