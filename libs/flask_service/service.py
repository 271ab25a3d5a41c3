"""What every web service shares: liveness, readiness, plain texts and plain error pages."""

from collections.abc import Callable

from flask import Flask, Response
from werkzeug.exceptions import HTTPException


def create_service(import_name: str, why_not_ready: Callable[[], str | None]) -> Flask:
    """Return a Flask application that answers /livez, /readyz and errors; add the rest to it.

    why_not_ready tells why the service could not do its work now, in words for everybody, or None
    if it could. /readyz calls it, and answers 503 with the reason, or 200.
    """
    app = Flask(import_name)

    @app.get("/livez")
    def livez() -> dict[str, bool]:
        """Tell that this process answers; what it depends on has no part in that."""
        return {"live": True}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, bool | str], int]:
        """Tell whether the service could do its work now, and if not, why."""
        reason = why_not_ready()
        return ({"ready": False, "reason": reason}, 503) if reason else ({"ready": True}, 200)

    @app.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> Response:
        """Answer 404, 405 and the like in one plain line; other headers, such as Allow, stay."""
        response = plain_text(f"{error.name}\n", error.code or 500)
        headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
        response.headers.extend(headers)
        return response

    @app.after_request
    def forbid_caching(response: Response) -> Response:
        """Keep caches out: what they would answer with is not counted, or no longer true."""
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def plain_text(text: str, status: int = 200) -> Response:
    """Return an answer that is text/plain; charset=utf-8. Texts end in a newline."""
    return Response(text, status, mimetype="text/plain")
