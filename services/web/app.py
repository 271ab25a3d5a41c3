"""A web service that counts the views of its page and shows their number."""

import atexit

import redis
from flask import Flask, Response, request

from libs.feature_flags.flags import flags_from_environment
from libs.flask_service.redis_metrics import measure
from libs.flask_service.service import create_service, plain_text
from libs.page_views.counting import PAGE_VIEWS_KEY, PageViewCounter
from libs.page_views.readiness import why_not_ready
from libs.page_views.recording import Recorder
from libs.page_views.view_queue import Queue
from libs.redis_access.connection import connect_from_environment, replicas_from_environment
from libs.redis_access.durability import why_data_could_be_lost
from services.web.about import about
from services.web.api import reading_api
from services.web.images import images
from services.web.ingest import Ingest, views_call
from services.web.metrics import count_view, observe_flags, observe_group, observe_queue


def create_app(client: redis.Redis | None = None) -> Flask:
    """Return the WSGI application; without a client it counts in the Redis at REDIS_URL.

    It connects on first use. Raises libs.redis_access.urls.RedisSettingError if a variable that
    says how to reach Redis is invalid.
    """
    redis_client = connect_from_environment(PAGE_VIEWS_KEY) if client is None else client
    measure(redis_client)
    replicas = replicas_from_environment()
    counter = PageViewCounter(redis_client, replicas, observe_group)
    recorder = Recorder(redis_client, replicas, observe=observe_group)
    queue = Queue(recorder, observe_queue)
    atexit.register(queue.close)
    app = create_service(
        __name__,
        why_not_ready=lambda: why_not_ready(redis_client),
        warnings=lambda: why_data_could_be_lost(redis_client, replicas) + queue.warnings(),
    )

    ingest = Ingest(redis_client, recorder.sites, queue)
    app.register_blueprint(views_call(ingest))
    flags = flags_from_environment(observe_flags)
    app.register_blueprint(images(redis_client, recorder.sites, queue, ingest, flags))
    app.register_blueprint(reading_api(redis_client))
    app.register_blueprint(about(redis_client, recorder.sites, flags))

    @app.get("/")
    def index() -> Response:
        """Count a page view and show its number. Count nothing for HEAD, which shows no page."""
        if request.method == "HEAD":
            return plain_text("")
        try:
            number = counter.count()
        except redis.RedisError:
            count_view(confirmed=False)
            app.logger.exception("The page view could not be counted")
            return plain_text("Sorry, something went wrong \N{PENSIVE FACE}", 500)
        count_view(confirmed=True)
        return plain_text(f"This page has been seen {number} times.")

    return app
