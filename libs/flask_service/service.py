"""A base for every web service: liveness, readiness, plain text and plain error pages."""

from collections.abc import Callable

from flask import Flask, Response
from werkzeug.exceptions import HTTPException


def create_service(
    import_name: str,
    why_not_ready: Callable[[], str | None],
    warnings: Callable[[], list[str]] = list,
) -> Flask:
    """Return a Flask application with /livez, /readyz and error pages; add other routes to it.

    /readyz calls why_not_ready. It answers 200 if that returns None, with the sentences that
    warnings returns, and otherwise 503 with the returned reason. Anyone may read both.
    """
    app = Flask(import_name)

    @app.get("/livez")
    def livez() -> dict[str, bool]:
        """Report that this process answers, without checking its dependencies."""
        return {"live": True}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, bool | str | list[str]], int]:
        """Report whether the service can work now, and if not, why."""
        if reason := why_not_ready():
            return {"ready": False, "reason": reason}, 503
        if sentences := warnings():
            return {"ready": True, "warnings": sentences}, 200
        return {"ready": True}, 200

    @app.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> Response:
        """Answer HTTP errors in one plain line; keep other headers, such as Allow."""
        response = plain_text(f"{error.name}\n", error.code or 500)
        headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
        response.headers.extend(headers)
        return response

    @app.after_request
    def forbid_caching(response: Response) -> Response:
        """Forbid caching: a cached answer is not counted, or no longer true."""
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def plain_text(text: str, status: int = 200) -> Response:
    """Return a text/plain; charset=utf-8 response; text is sent unchanged."""
    return Response(text, status, mimetype="text/plain")
