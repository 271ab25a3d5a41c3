"""Serve a Flask application with Gunicorn after checking its settings."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from libs.flask_service.logs import SERVICE_VARIABLE, configure_logs
from libs.flask_service.settings import WORKERS_VARIABLE, check_settings, workers_from_environment


def serve(application: str, report: Callable[[], None] = lambda: None) -> NoReturn:
    """Replace this process with Gunicorn, configured by libs.flask_service.gunicorn_config.

    application is Gunicorn's name for it, such as services.web.app:create_app(). The command line
    may hold more options for Gunicorn. report is called first, once the variables of every service
    are valid; it may log. Raises libs.flask_service.settings.SettingError if one is not. The
    service is logged by the name of its package, such as web.
    """
    check_settings()
    os.environ[SERVICE_VARIABLE] = application.partition(":")[0].split(".")[-2]
    configure_logs(os.environ[SERVICE_VARIABLE])
    report()
    os.environ[WORKERS_VARIABLE] = str(workers_from_environment())
    options = ["--config", "python:libs.flask_service.gunicorn_config", *sys.argv[1:]]
    # Not "-m gunicorn": on SIGUSR2, Gunicorn would start its own __main__.py by its path, where
    # gunicorn/http hides the standard library's http.
    command = [sys.executable, "-m", __name__, *options, application]
    os.execv(sys.executable, command)  # nosec B606  # no shell is wanted


if __name__ == "__main__":
    # Imported in the program only: if WEB_CONCURRENCY is invalid, the import ends in a traceback.
    from gunicorn.app.wsgiapp import run

    run()
