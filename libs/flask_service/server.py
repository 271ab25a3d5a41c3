"""Serve a Flask application with Gunicorn after checking its settings."""

import os
import sys
from typing import NoReturn

from gunicorn.app.wsgiapp import run

VARIABLE = "WEB_CONCURRENCY"
DEFAULT_WORKERS = 2
MAX_WORKERS = 256


class ConcurrencyError(ValueError):
    """Invalid WEB_CONCURRENCY; the message says which values are valid."""


def serve(application: str) -> NoReturn:
    """Replace this process with Gunicorn, configured by libs.flask_service.gunicorn_config.

    application is Gunicorn's name for it, such as services.web.app:create_app(). The command line
    may hold more options for Gunicorn. Raises ConcurrencyError.
    """
    os.environ[VARIABLE] = str(workers_from_environment())
    options = ["--config", "python:libs.flask_service.gunicorn_config", *sys.argv[1:]]
    # Not "-m gunicorn": on SIGUSR2, Gunicorn would start its own __main__.py by its path, where
    # gunicorn/http hides the standard library's http.
    command = [sys.executable, "-m", __name__, *options, application]
    os.execv(sys.executable, command)  # nosec B606  # no shell is wanted


def workers_from_environment() -> int:
    """Return the number of worker processes from WEB_CONCURRENCY, 2 by default.

    Raises ConcurrencyError unless it is a whole number from 1 to 256. Gunicorn itself would fail
    with a traceback, or with 0 accept connections and never answer.
    """
    value = os.environ.get(VARIABLE, str(DEFAULT_WORKERS))
    if value.isdecimal() and len(value) <= 3 and 1 <= int(value) <= MAX_WORKERS:
        return int(value)
    raise ConcurrencyError(
        f"{VARIABLE} must be a whole number from 1 to {MAX_WORKERS}, not {value[:20]!r}"
    )


if __name__ == "__main__":
    run()
