"""Serve the web service in production: what its image runs. Options are Gunicorn's."""

import sys

from libs.flask_service.server import ConcurrencyError, serve
from libs.redis_access.connection import RedisUrlError, connect_from_environment

if __name__ == "__main__":
    try:
        connect_from_environment()  # a URL that cannot be used ends here, not in every worker
        serve("services.web.app:create_app()")
    except (ConcurrencyError, RedisUrlError) as error:
        sys.exit(f"web: {error}")
