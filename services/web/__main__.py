"""Serve the web service in its production image. Accepts Gunicorn's options."""

import sys

from libs.flask_service.server import ConcurrencyError, serve
from libs.redis_access.connection import RedisUrlError, connect_from_environment

if __name__ == "__main__":
    try:
        connect_from_environment()  # report an invalid URL once, not in every worker
        serve("services.web.app:create_app()")
    except (ConcurrencyError, RedisUrlError) as error:
        sys.exit(f"web: {error}")
