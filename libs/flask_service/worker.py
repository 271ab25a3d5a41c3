"""Gunicorn's gevent worker, with only complete and well-formed requests for the application.

It adds what Gunicorn has no settings for: limits to all headers together, to content and to the
time that it takes, plain error pages, no Server header, and logs that quote no request.
"""

import contextlib
import gc
import io
import os
import re
from collections.abc import Iterable
from http import HTTPStatus
from socket import socket
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from gevent import Timeout, sleep
from gevent.server import StreamServer
from gunicorn.glogging import Logger
from gunicorn.http import errors, message, parser, wsgi
from gunicorn.util import close_graceful, http_date, write_nonblock
from gunicorn.workers import ggevent

from libs.flask_service.headers import SECURITY_HEADERS
from libs.flask_service.traces import RESPONSE_HEADER, trace_id_from, trace_response

MAX_CONTENT_BYTES = 64 * 1024
MAX_HEADERS_BYTES = 32 * 1024

_FEW = 16
"""So many connections of a worker do not make it accept more than one at once."""

_HOST = re.compile(r"[\w.~!$&'()*+,;=%:\[\]-]*", re.ASCII)

# All other errors of Gunicorn's parser are 400, even those that it answers with 501.
_STATUSES = {
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
}


class Refused(Exception):
    """The request is answered with this status, and its connection is closed."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Worker(ggevent.GeventWorker):  # type: ignore[misc]  # Gunicorn ships no types
    """A gevent worker for Gunicorn's setting worker_class.

    A client has cfg.keepalive seconds to send the head of a request, again to send its content, and
    again to receive the answer. As in Gunicorn, 0 means no limit.
    """

    wsgi: WSGIApplication

    def load_wsgi(self) -> None:
        """Load the application."""
        # Gunicorn looks up some 20 settings per request, by a __getattr__ that needs 15 µs for
        # them. As attributes they are found before it is called.
        self.cfg.__dict__.update({name: each.get() for name, each in self.cfg.settings.items()})
        super().load_wsgi()
        self.wsgi = _complete_requests_for(self.wsgi, self.cfg.keepalive or None)
        # What is loaded now stays. To look through it for garbage would hold up all connections for
        # 50 ms each time.
        gc.collect()
        gc.freeze()

    def handle(self, listener: Any, client: socket, addr: Any) -> None:
        """Answer the requests of a connection."""
        # Let another worker accept the next one. Else one may accept all that come together, keep
        # them alive, and have all the work.
        os.sched_yield()
        super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: socket, addr: Any) -> None:
        """Answer a request; close the connection if the client does not receive the answer."""
        sleep(0)  # others first: who sends requests without end would have the worker alone
        sock.settimeout(self.cfg.keepalive or None)
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            raise StopIteration from None  # as Gunicorn does to close the connection
        finally:
            sock.settimeout(None)

    def handle_error(self, req: Any, client: socket, addr: Any, exc: BaseException) -> None:
        """Answer with an error page; log nothing that the client sent but its trace ID."""
        status = _status(exc)
        known = trace_id_from(
            ",".join(v for k, v in req.headers if k == "TRACEPARENT") if req else ""
        )
        extra = {"trace_id": known, "status": status.value}
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("A request failed", exc_info=exc, extra=extra)
        else:
            self.log.info("Refused a request: %d, %s", status, type(exc).__name__, extra=extra)
        with contextlib.suppress(OSError):  # the client has gone
            write_nonblock(client, _error_page(status, known))
            close_graceful(client)


class _Server(StreamServer):  # type: ignore[misc]  # gevent has no types for the pool
    """A server that accepts the more connections at once, the more it has beyond a few.

    Between two looks for new connections, it answers all that have sent a request. With one at a
    look, as Gunicorn has it, the last of a crowd would wait long. With all, other workers would
    have none.
    """

    def do_read(self) -> Any:
        """Accept a connection."""
        self.max_accept = 1 + max(0, len(self.pool) - _FEW) // 4  # from the next look on
        return super().do_read()


ggevent.StreamServer = _Server  # Gunicorn has no setting


class Log(Logger):  # type: ignore[misc]
    """Gunicorn's log. With logconfig_dict it would make a line of each request, and discard it."""

    def access(self, resp: Any, req: Any, environ: WSGIEnvironment, request_time: Any) -> None:
        """Log a request if the access log is on."""
        if self.cfg.accesslog:
            super().access(resp, req, environ, request_time)


class _Request(message.Request):  # type: ignore[misc]  # Gunicorn ships no types
    """A request whose header lines have at most MAX_HEADERS_BYTES together."""

    def parse(self, unreader: Any) -> Any:
        """Read the head; return what was received after it. Raises LimitRequestHeaders."""
        self.max_buffer_headers = MAX_HEADERS_BYTES  # else 50 times that of one line
        return super().parse(unreader)


parser.RequestParser.mesg_class = _Request  # Gunicorn has no setting


class _Gathered:
    """A connection that sends nothing before it is flushed or has HELD_BYTES."""

    HELD_BYTES = 64 * 1024

    def __init__(self, connection: socket) -> None:
        self._connection = connection
        self._held = bytearray()

    def sendall(self, data: bytes) -> None:
        """Hold data back."""
        self._held += data
        if len(self._held) > self.HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, bytearray()
        # Nearly always all of it goes at once; gevent's sendall first asks how much may.
        if held and (sent := self._connection.send(held)) < len(held):
            self._connection.sendall(held[sent:])


class _Response(wsgi.Response):  # type: ignore[misc]  # Gunicorn ships no types
    """A response that does not name the server, and whose head and content are sent together.

    A call to send is the dearest part of a small answer. gunicorn_config.py turns sendfile off,
    which needs the connection itself.
    """

    def __init__(self, req: Any, sock: socket, cfg: Any) -> None:
        super().__init__(req, _Gathered(sock), cfg)

    def default_headers(self) -> list[str]:
        """Return the lines of the status and of Gunicorn's own headers."""
        return [line for line in super().default_headers() if not line.startswith("Server:")]

    def close(self) -> None:
        """End the response."""
        super().close()
        self.sock.flush()


wsgi.Response = _Response  # wsgi.create() makes it; Gunicorn has no setting


def _complete_requests_for(application: WSGIApplication, seconds: float | None) -> WSGIApplication:
    """Return application behind checks that raise Refused, or an error of Gunicorn's parser.

    All content is received before the application runs: it waits for no client, and the next
    request on the connection begins where this one ends.
    """

    def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if host is None and environ["SERVER_PROTOCOL"] != "HTTP/1.0":
            raise Refused(HTTPStatus.BAD_REQUEST)
        if host is not None and not _HOST.fullmatch(host):
            raise Refused(HTTPStatus.BAD_REQUEST)
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            content = _receive_content(environ, seconds)
            environ["CONTENT_LENGTH"] = str(len(content))
            environ["wsgi.input"] = io.BytesIO(content)
        return application(environ, start_response)

    return handle


def _receive_content(environ: WSGIEnvironment, seconds: float | None) -> bytes:
    if environ.pop("HTTP_TRANSFER_ENCODING", "chunked").lower() != "chunked":
        raise Refused(HTTPStatus.BAD_REQUEST)
    length = int(environ.get("CONTENT_LENGTH", 0))
    content = b""
    if length <= MAX_CONTENT_BYTES:
        with Timeout(seconds, Refused(HTTPStatus.REQUEST_TIMEOUT)):
            content = environ["wsgi.input"].read(MAX_CONTENT_BYTES + 1)
    if max(length, len(content)) > MAX_CONTENT_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if len(content) < length:  # the client has gone
        raise Refused(HTTPStatus.BAD_REQUEST)
    return content


def _status(error: BaseException) -> HTTPStatus:
    """Return the status of the page that answers an error."""
    of_application = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, errors.ParseException) and not isinstance(error, of_application):
        return _STATUSES.get(type(error), HTTPStatus.BAD_REQUEST)
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _error_page(status: HTTPStatus, trace_id: str) -> bytes:
    """Return a response like those of libs.flask_service.service."""
    text = f"{status.phrase}\n"
    headers = {
        "Date": http_date(),
        "Connection": "close",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": len(text),
        RESPONSE_HEADER: trace_response(trace_id),
        **SECURITY_HEADERS,
    }
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *lines, "", text]).encode()
