"""A base for every web service: liveness, readiness, plain text and plain error pages."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from libs.flask_service.headers import SECURITY_HEADERS
from libs.flask_service.logs import ROUTE, begin_request, end_request, log_request
from libs.flask_service.metrics import NO_ROUTE, metrics_page, observe_request
from libs.flask_service.proxies import apply_forwarded_headers
from libs.flask_service.settings import (
    logs_every_request,
    metrics_port_from_environment,
    trusted_proxies_from_environment,
)
from libs.flask_service.traces import RESPONSE_HEADER, trace_id, trace_response

_START = "page_tracker.start"
"""Where it has the time when the request came, as time.perf_counter() returns it."""

_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class _Service(Flask):
    """A Flask application that knows its trusted proxies, and whose log quotes no request.

    It answers /metrics on a port that only Prometheus should reach.
    """

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name)
        self._proxies = trusted_proxies_from_environment()
        self._metrics_port = str(metrics_port_from_environment() or None)
        self._metrics_page = metrics_page()
        self._logs_every_request = logs_every_request()

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["SERVER_PORT"] == self._metrics_port and _asks_for_metrics(environ):
            return self._metrics_page(environ, start_response)
        environ[_START] = time.perf_counter()
        begin_request(environ)
        try:
            apply_forwarded_headers(environ, self._proxies)
            return super().wsgi_app(environ, start_response)
        finally:
            end_request(environ)

    def process_response(self, response: Response) -> Response:
        """Measure and log the request after all else is done to its answer."""
        response = super().process_response(response)
        environ, status = request.environ, response.status_code
        seconds = time.perf_counter() - environ[_START]
        route = environ.get(ROUTE, NO_ROUTE)
        observe_request(route, status, seconds)
        if status >= 400:
            response.headers[RESPONSE_HEADER] = trace_response(trace_id(environ))
        # Gateways ask /readyz each second, and why_not_ready logs the reason. Flask's own server,
        # for development, prints every request.
        if self._logs_every_request or route != "/readyz" and not self.debug:
            log_request(status, seconds, self._logs_every_request)
        return response

    def log_exception(self, exc_info: _ExceptionInfo) -> None:
        """Log an exception with the route, because a path may hold a token."""
        self.logger.error("%s %s failed", request.method, request.url_rule, exc_info=exc_info)


def create_service(
    import_name: str,
    why_not_ready: Callable[[], str | None],
    warnings: Callable[[], list[str]] = list,
) -> Flask:
    """Return a Flask application with /livez, /readyz and error pages; add other routes to it.

    Errors are plain text, below /api/ application/problem+json. /readyz calls why_not_ready. It
    answers 200 if that returns None, with the sentences that warnings returns, and otherwise 503
    with the returned reason. Anyone may read both. Raises libs.flask_service.settings.SettingError
    if TRUSTED_PROXIES, METRICS_PORT or LOG_REQUESTS is invalid.
    """
    app = _Service(import_name)

    @app.get("/livez")
    def livez() -> dict[str, bool]:
        """Report that this process answers, without checking its dependencies."""
        return {"live": True}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, bool | str | list[str]], int]:
        """Report whether the service can work now, and if not, why."""
        if reason := why_not_ready():
            return {"ready": False, "reason": reason}, 503
        if sentences := warnings():
            return {"ready": True, "warnings": sentences}, 200
        return {"ready": True}, 200

    @app.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> Response:
        """Answer HTTP errors in one plain line, or to programs in JSON; keep other headers."""
        if request.path.startswith("/api/"):
            response = _problem(error)
        else:
            response = plain_text(f"{error.name}\n", error.code or 500)
        headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
        response.headers.extend(headers)
        return response

    @app.before_request
    def name_route() -> None:
        """Let the log name the route, for a path may hold a token."""
        request.environ[ROUTE] = request.url_rule.rule if request.url_rule else NO_ROUTE

    @app.before_request
    def refuse_content() -> None:
        """Refuse content where only POST takes any. Unknown pages and methods come first."""
        length = request.environ.get("CONTENT_LENGTH")  # faster than request.content_length
        if length and length != "0" and request.url_rule:
            if "POST" not in (request.url_rule.methods or ()):
                raise UnsupportedMediaType()

    @app.after_request
    def add_headers(response: Response) -> Response:
        """Add the headers that every answer has, unless the page has set them."""
        present = {name.lower() for name, _ in response.headers}
        for name, value in SECURITY_HEADERS.items():
            if name.lower() not in present:
                response.headers.add(name, value)
        return response

    return app


def _asks_for_metrics(environ: WSGIEnvironment) -> bool:
    """Return whether a request is for /metrics, and not on a Unix socket.

    There the client would say itself on which port its request came.
    """
    return environ["PATH_INFO"] == "/metrics" and bool(environ["REMOTE_ADDR"])


def plain_text(text: str, status: int = 200) -> Response:
    """Return a text/plain; charset=utf-8 response; text is sent unchanged."""
    return Response(text, status, mimetype="text/plain")


def _problem(error: HTTPException) -> Response:
    """Return the error in JSON. Source of the format: RFC 9457."""
    response = jsonify(title=error.name, status=error.code, detail=error.description)
    response.status_code = error.code or 500
    response.mimetype = "application/problem+json"
    return response
