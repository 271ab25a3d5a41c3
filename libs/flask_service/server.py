"""Serves a Flask application with Gunicorn, once its settings are known to be usable."""

import os
import sys
from typing import NoReturn

VARIABLE = "WEB_CONCURRENCY"
DEFAULT_WORKERS = 2
MAX_WORKERS = 256


class ConcurrencyError(ValueError):
    """WEB_CONCURRENCY cannot be used; the text says what it must be."""


def serve(application: str) -> NoReturn:
    """Become Gunicorn, with libs.flask_service.gunicorn_config; never return.

    application is where Gunicorn finds the application, such as services.web.app:create_app(). What
    stands on the command line are further options for Gunicorn. Raises ConcurrencyError.
    """
    os.environ[VARIABLE] = str(workers_from_environment())
    options = ["--config", "python:libs.flask_service.gunicorn_config", *sys.argv[1:]]
    command = [sys.executable, "-m", "gunicorn", *options, application]
    os.execv(sys.executable, command)  # nosec B606  # no shell is wanted


def workers_from_environment() -> int:
    """Return how many worker processes WEB_CONCURRENCY asks for, or else 2.

    Raises ConcurrencyError for anything but a whole number from 1 to 256: Gunicorn itself would end
    in a traceback, or with 0 accept connections and answer nobody.
    """
    value = os.environ.get(VARIABLE, str(DEFAULT_WORKERS))
    if value.isdecimal() and len(value) <= 3 and 1 <= int(value) <= MAX_WORKERS:
        return int(value)
    raise ConcurrencyError(
        f"{VARIABLE} must be a whole number from 1 to {MAX_WORKERS}, not {value[:20]!r}"
    )
