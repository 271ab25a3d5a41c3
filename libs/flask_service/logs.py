"""What the services log: JSON for programs, in containers, or lines for people, on a terminal.

Everything else logs by the standard library's logging, and so does Gunicorn; structlog renders it.
No line may have an address, a path, a token or a header of a client. docs/logging.md has the
fields.
"""

import logging
import logging.config
import os
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIEnvironment

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, Processor

from libs.flask_service.settings import log_format_from_environment
from libs.flask_service.traces import trace_id

SERVICE_VARIABLE = "SERVICE_NAME"
"""How Gunicorn, which is a new program, knows the service whose lines it logs."""

ROUTE = "page_tracker.route"
"""Where the WSGI environment has the route of a request, such as /sites/<name>."""

SLOW_SECONDS = 0.5
"""A request that takes longer is logged. One that waits for Redis may take 0.9 s."""

_EVENT_CHARACTERS = 500
_EXCEPTION_CHARACTERS = 2500
"""The end of a traceback is kept. A line below 4 KiB is written to a pipe in one piece, and so not
mixed with those of other processes."""

_EXTRA = ("trace_id", "status", "ms")
"""What may be logged beside a sentence, as logging's extra."""

_COMMIT_VARIABLE = "GIT_COMMIT"

_ENDED = "page_tracker.ended"

_logger = logging.getLogger(__name__)
_request: ContextVar[WSGIEnvironment] = ContextVar("request")


def configure_logs(service: str) -> None:
    """Log as LOG_FORMAT says: JSON on standard output, or lines for people on standard error.

    Raises libs.flask_service.settings.SettingError if it is invalid.
    """
    logging.config.dictConfig(configuration(service))


def configuration(service: str) -> dict[str, Any]:
    """Return the configuration of logging as logging.config.dictConfig takes it."""
    json = log_format_from_environment() == "json"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter, "service": service, "json": json}},
        "handlers": {
            "lines": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                # Standard output is for the addresses that serve.py prints, where people are.
                "stream": sys.stdout if json else sys.stderr,
            }
        },
        "root": {"level": "WARNING", "handlers": ["lines"]},
        "loggers": {
            __name__: {"level": "INFO"},
            "gunicorn.error": {"handlers": [], "propagate": True},
        },
    }


def formatter(service: str, json: bool) -> logging.Formatter:
    """Return what renders a record of logging: as JSON, or for people."""
    processors: list[Processor] = [_describe(service if json else "")]
    processors.append(ProcessorFormatter.remove_processors_meta)
    if json:
        processors += [structlog.processors.format_exc_info, _shorten]
        processors.append(structlog.processors.JSONRenderer())
    else:
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                timestamp_key="time",
                exception_formatter=structlog.dev.plain_traceback,  # others show local variables
            )
        )
    return ProcessorFormatter(foreign_pre_chain=[ExtraAdder(_EXTRA)], processors=processors)


def _describe(service: str) -> Processor:
    """Return what puts before a line when, how serious and in which request it was.

    With a service, also which one it was, of which commit.
    """
    origin = {"service": service, "version": os.environ.get(_COMMIT_VARIABLE, "unknown")}

    def describe(_logger: Any, _method: str, event: EventDict) -> Mapping[str, Any]:
        record: logging.LogRecord = event["_record"]
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": f"{time.removesuffix('+00:00')}Z", "level": record.levelname.lower()}
        if service:
            line |= origin
        environ = _request.get({})
        if environ and _ENDED not in environ:
            line["trace_id"] = trace_id(environ)
            line["method"] = _known(environ["REQUEST_METHOD"])
            line["route"] = environ.get(ROUTE, "-")
        return {**line, **event}

    return describe


def _known(method: str) -> str:
    """Return a method, or a dash for one that a client has invented."""
    return method if method in _METHODS else "-"


_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}


def _shorten(_logger: Any, _method: str, event: EventDict) -> EventDict:
    event["event"] = f"{event['event']}"[:_EVENT_CHARACTERS]
    if "exception" in event:
        event["exception"] = event["exception"][-_EXCEPTION_CHARACTERS:]
    return event


def begin_request(environ: WSGIEnvironment) -> None:
    """Let lines tell the trace, method and route of a request, until end_request."""
    _request.set(environ)


def end_request(environ: WSGIEnvironment) -> None:
    """Let no more lines tell of a request, not even those of threads that it has started."""
    environ[_ENDED] = True


def log_request(status: int, seconds: float, every: bool) -> None:
    """Log the request under way, which was answered: always if it failed, was refused or was slow.

    A gateway logs every request, so that one more line for each would only cost time.
    """
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        level = logging.ERROR
    elif seconds >= SLOW_SECONDS:
        level = logging.WARNING
    elif status >= HTTPStatus.BAD_REQUEST or every:
        level = logging.INFO
    else:
        return
    _logger.log(level, "request", extra={"status": status, "ms": round(seconds * 1000, 1)})
