"""Serve the dashboard in its production image. Accepts Gunicorn's options."""

import sys

from libs.flask_service.server import serve
from libs.flask_service.settings import SettingError
from libs.redis_access.urls import RedisSettingError

if __name__ == "__main__":
    try:
        serve("services.dashboard.app:create_app()")
    except (SettingError, RedisSettingError) as error:
        sys.exit(f"dashboard: {error}")
