"""Serve the web service in its production image. Accepts Gunicorn's options."""

import contextlib
import logging
import sys

import redis

from libs.flask_service.server import serve
from libs.flask_service.settings import SettingError
from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.page_views.readiness import why_not_ready
from libs.redis_access.connection import connect_from_environment, replicas_from_environment
from libs.redis_access.durability import why_data_could_be_lost
from libs.redis_access.reasons import reason_of
from libs.redis_access.urls import RedisSettingError

_logger = logging.getLogger(__name__)


def main() -> None:
    """Report invalid variables and what is wrong with Redis, then become Gunicorn."""
    try:
        serve("services.web.app:create_app()", report_redis)
    except (SettingError, RedisSettingError) as error:
        sys.exit(f"web: {error}")


def report_redis() -> None:
    """Log how Redis could lose data, or why it cannot be used yet. Raises RedisSettingError."""
    replicas = replicas_from_environment()
    with contextlib.closing(connect_from_environment(PAGE_VIEWS_KEY)) as client:
        try:
            warnings = why_data_could_be_lost(client, replicas)
        except redis.RedisError as error:
            warnings = [f"{reason_of(error)} ({error}); pages show an error until that changes"]
        else:
            why_not_ready(client)  # logs why, such as a missing permission
    for warning in warnings:
        _logger.warning(warning)


if __name__ == "__main__":
    main()
