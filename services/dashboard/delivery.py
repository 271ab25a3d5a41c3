"""Keep pages small and quick: compress answers, and let browsers keep the files of a page."""

import gzip
from hashlib import sha256
from pathlib import Path

from flask import Response, request, url_for

KEPT_SECONDS = 365 * 24 * 3600
"""How long a browser may keep a file whose address says what is in it."""

_COMPRESSED = {
    *("application/json", "image/svg+xml"),
    *("text/css", "text/csv", "text/html", "text/javascript"),
}

_SMALLEST_BYTES = 1024
"""What is smaller fits one packet of the network anyway."""

_FILES = Path(__file__).with_name("static")


def asset(name: str) -> str:
    """Return the address of a file in static/. It changes with the content."""
    return url_for("dashboard.static", filename=name, v=_version(name))


def keep(response: Response) -> Response:
    """Let the browser keep a file, if the address that it asked for names this content."""
    if request.endpoint == "dashboard.static" and response.status_code == 200:
        if request.args.get("v") == _version((request.view_args or {})["filename"]):
            response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}, immutable"
    return response


def compress(response: Response) -> Response:
    """Compress a complete answer of text with gzip, if the client takes it.

    A secret on a page must not be the same in two answers, or its length gives it away beside a
    text that others choose (the attack BREACH): mask tokens anew for each answer.
    """
    if response.status_code == 200 and response.mimetype in _COMPRESSED:
        response.vary.add("Accept-Encoding")
        response.direct_passthrough = False
        content = response.get_data()
        if len(content) >= _SMALLEST_BYTES and request.accept_encodings.quality("gzip"):
            response.set_data(gzip.compress(content, compresslevel=6, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
            if etag := response.get_etag()[0]:
                response.set_etag(etag, weak=True)
    return response


def _version(name: str) -> str:
    return sha256((_FILES / name).read_bytes()).hexdigest()[:12]
