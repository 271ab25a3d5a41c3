"""Pages that say what went wrong, for people."""

import redis
from flask import Blueprint, Flask, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from libs.flask_service.traces import trace_id
from libs.redis_access.reasons import reason_of

RETRY_SECONDS = 5


def show_errors(app: Flask, dashboard: Blueprint) -> None:
    """Answer errors of the dashboard, and addresses that nobody has, with a page."""
    dashboard.register_error_handler(HTTPException, _show_error)
    for unknown in (NotFound, MethodNotAllowed):  # then no blueprint is known either
        app.register_error_handler(unknown, _show_error)

    @app.errorhandler(redis.RedisError)
    def show_outage(error: redis.RedisError) -> ResponseReturnValue:
        """Say that Redis is away, and load the same address again when it may be back."""
        reason = reason_of(error)
        app.logger.error("%s: %s", request.url_rule, reason)
        page = render_template(
            "unavailable.html", reason=reason, trace_id=trace_id(request.environ)
        )
        response = make_response(page, 503)
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        if request.method == "GET":
            response.headers["Refresh"] = str(RETRY_SECONDS)
        return response


def _show_error(error: HTTPException) -> ResponseReturnValue:
    """Show an error; keep its headers, such as those of Allow and Retry-After."""
    code = error.code or 500
    page = render_template(
        "error.html", error=error, trace_id=trace_id(request.environ) if code >= 500 else ""
    )
    response = make_response(page, code)
    headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
    response.headers.extend(headers)
    return response
