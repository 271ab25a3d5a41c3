"""The applications that the page is compared with, started by benchmarks/web_servers.py."""

import functools
import os
from importlib import import_module

import redis
from flask import Flask, Response

from libs.flask_service import service
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


def unobserved() -> Flask:
    """Return the page without metrics and logs."""
    web = import_module("services.web.app")
    of_service = ("observe_request", "begin_request", "end_request", "log_request")
    of_web = ("measure", "observe_group", "count_view")
    for module, names in ((service, of_service), (web, of_web)):
        for name in names:
            assert hasattr(module, name)  # nosec B101  # else it would be measured after all
            setattr(module, name, lambda *_, **__: None)
    return _page()


def every_request() -> Flask:
    """Return the page with a line in the log for each request."""
    os.environ["LOG_REQUESTS"] = "all"
    return _page()


def _page() -> Flask:
    app: Flask = import_module("services.web.app").create_app()
    return app
