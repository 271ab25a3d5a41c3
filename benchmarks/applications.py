"""The applications that the page is compared with, started by benchmarks/web_servers.py."""

import functools
import os

import redis
from flask import Flask, Response

from libs.flask_service.service import create_service, plain_text


def tutorial() -> Flask:
    """Return an application that sends one INCR per view, with redis-py's defaults."""
    app = Flask(__name__)

    @functools.cache
    def client() -> redis.Redis:
        return redis.Redis.from_url(os.environ["REDIS_URL"])

    @app.get("/")
    def index() -> str | tuple[str, int]:
        try:
            views = client().incr("page_views")
        except redis.RedisError:
            app.logger.exception("Redis failed")
            return "Sorry, something went wrong \N{PENSIVE FACE}", 500
        return f"This page has been seen {views} times."

    return app


def empty_view() -> Flask:
    """Return a service of ours whose page, a Flask view, counts nothing."""
    app = create_service(__name__, why_not_ready=lambda: None)

    @app.get("/")
    def index() -> Response:
        return plain_text("This page has been seen 1 times.")

    return app
