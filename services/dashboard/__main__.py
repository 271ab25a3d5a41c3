"""Serve the dashboard in its production image. Accepts Gunicorn's options."""

import contextlib
import logging
import os
import sys

import redis

from libs.accounts.links import FIRST_LINK_PATH, first_link_token
from libs.flask_service.server import serve
from libs.flask_service.settings import SettingError
from libs.redis_access.reasons import reason_of
from libs.redis_access.urls import RedisSettingError
from services.dashboard.prometheus import prometheus_from_environment
from services.dashboard.redis_clients import connect_to_settings

_logger = logging.getLogger(__name__)


def main() -> None:
    """Report invalid variables, print the link to the first account, then become Gunicorn."""
    try:
        prometheus_from_environment()  # or each worker would end with a traceback
        serve("services.dashboard.app:create_nice_app()", report_first_link)
    except (SettingError, RedisSettingError) as error:
        sys.exit(f"dashboard: {error}")


def report_first_link() -> None:
    """Print a one-time link to make the first account, unless there is an account.

    Its address begins with DASHBOARD_URL. Logs why it is unknown if Redis fails.
    """
    with contextlib.closing(connect_to_settings()) as client:
        try:
            token = first_link_token(client)
        except redis.RedisError as error:
            _logger.warning("%s (%s); pages say so until that changes", reason_of(error), error)
            return
    if token:
        url = os.environ.get("DASHBOARD_URL", "http://localhost:8000")
        link = f"{url}{FIRST_LINK_PATH}?token={token}"
        print(f"Make the first account, within an hour: {link}", flush=True)


if __name__ == "__main__":
    main()
