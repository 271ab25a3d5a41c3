"""The web service: counts the views of its page and shows their number."""

import redis
from flask import Flask, Response, request

from libs.flask_service.service import create_service, plain_text
from libs.page_views.counting import count_page_view
from libs.page_views.readiness import why_not_ready
from libs.redis_access.connection import connect_from_environment


def create_app(client: redis.Redis | None = None) -> Flask:
    """Return the WSGI application; by default it counts in the Redis that REDIS_URL names.

    It connects on the first view. Raises libs.redis_access.connection.RedisUrlError if REDIS_URL is
    needed and malformed.
    """
    redis_client = connect_from_environment() if client is None else client
    app = create_service(__name__, lambda: why_not_ready(redis_client))

    @app.get("/")
    def index() -> Response:
        """Count a page view and tell its number. HEAD, which shows nobody a page, counts none."""
        if request.method == "HEAD":
            return plain_text("")
        try:
            return plain_text(f"This page has been seen {count_page_view(redis_client)} times.")
        except redis.RedisError:
            app.logger.exception("The page view could not be counted")
            return plain_text("Sorry, something went wrong \N{PENSIVE FACE}", 500)

    return app
