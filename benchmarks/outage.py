"""Measure what visitors see while Redis is away, when it returns, and during a restart."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from benchmarks.load import Load, view_page
from benchmarks.web_servers import (
    OURS,
    WebServer,
    directory_on_disk,
    free_port,
    redis_server,
    web_server,
)
from libs.processes.testing import paused, wait_until

_CONNECTIONS = 64
_SECONDS = 3
_VISITORS = 16
_WATCHED_SECONDS = 2


@dataclass(frozen=True)
class Outage:
    """What visitors saw while Redis was away, and how long after its return the last error came."""

    errors: Load
    recovery_seconds: float


@dataclass(frozen=True)
class Seen:
    """What visitors saw of one web server."""

    start_seconds: float
    restart: Load
    hanging: Outage
    killed: Outage


def break_everything() -> Seen:
    """Start the page, replace its workers, let its Redis hang, and kill it."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(directory_on_disk())
        data_dir, redis_port = directory / "redis", free_port()
        redis = stack.enter_context(contextlib.ExitStack())
        server = redis.enter_context(redis_server(data_dir, redis_port))
        web = stack.enter_context(web_server(OURS, redis_port, directory / "web.log"))
        restart = _restart(web)
        with contextlib.ExitStack() as hang:
            hang.enter_context(paused(server.process.pid))
            hanging = _outage(web.port, hang.close)
        server.process.kill()
        redis.close()
        killed = _outage(web.port, lambda: redis.enter_context(redis_server(data_dir, redis_port)))
        return Seen(web.start_seconds, restart, hanging, killed)


def _restart(web: WebServer) -> Load:
    """Replace all workers under load."""
    old = set(web.workers())
    with ThreadPoolExecutor() as executor:
        load = executor.submit(view_page, web.port, _CONNECTIONS, _SECONDS)
        time.sleep(_SECONDS / 3)
        web.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not old.intersection(web.workers()), "new workers")
        return load.result()


def _outage(port: int, bring_back: Callable[[], object]) -> Outage:
    """View the page without Redis, bring Redis back and go on."""
    enough = threading.Event()
    with ThreadPoolExecutor(_VISITORS) as executor:
        visitors = [executor.submit(_last_error, port, enough) for _ in range(_VISITORS)]
        try:
            errors = view_page(port, _CONNECTIONS, _SECONDS)
            bring_back()
            back = time.monotonic()
            time.sleep(_WATCHED_SECONDS)
        finally:
            enough.set()
    return Outage(errors, max(0, max(visitor.result() for visitor in visitors) - back))


def _last_error(port: int, enough: threading.Event) -> float:
    """View the page until it is enough; return the time of the last error."""
    last: float = 0
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        while not enough.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                failed = answer.status != 200
            except (OSError, HTTPException):
                connection.close()
                failed = True
            if failed:
                last = time.monotonic()
    return last
