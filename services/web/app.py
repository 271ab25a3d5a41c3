"""The web service: counts the views of its page and shows their number."""

import redis
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from libs.redis_access.connection import connect_from_environment
from libs.redis_access.page_views import count_page_view
from libs.redis_access.readiness import why_not_ready


def create_app() -> Flask:
    """The WSGI application, on the Redis that REDIS_URL names; it connects on the first view.

    Raises libs.redis_access.connection.RedisUrlError if REDIS_URL is malformed.
    """
    app = Flask(__name__)
    client = app.extensions["redis"] = connect_from_environment()

    @app.get("/")
    def index() -> tuple[str, int]:
        """Count a page view and tell its number. HEAD, which shows nobody a page, counts none."""
        if request.method == "HEAD":
            return "", 200
        try:
            return f"This page has been seen {count_page_view(client)} times.", 200
        except redis.RedisError:
            app.logger.exception("The page view could not be counted")
            return "Sorry, something went wrong \N{PENSIVE FACE}", 500

    @app.get("/livez")
    def livez() -> dict[str, bool]:
        """Whether this process answers at all; Redis has no part in that."""
        return {"live": True}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, bool | str], int]:
        """Whether a view would be counted now, and if not, why."""
        reason = why_not_ready(client)
        return ({"ready": False, "reason": reason}, 503) if reason else ({"ready": True}, 200)

    @app.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> tuple[str, int, dict[str, str]]:
        """Answer 404, 405 and the like in one plain line; other headers, such as Allow, stay."""
        headers = dict(error.get_headers()) | {"Content-Type": "text/plain"}
        return f"{error.name}\n", error.code or 500, headers

    @app.after_request
    def forbid_caching(response: Response) -> Response:
        """A cached page would be seen without being counted."""
        response.headers["Cache-Control"] = "no-store"
        return response

    return app
