"""Start the page and what it is compared with: each by Gunicorn, with a Redis of its own."""

import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil

from libs.processes.child import child_process
from libs.processes.testing import wait_until
from libs.redis_access.embedded import EmbeddedRedis, embedded_redis

OURS, TUTORIAL, TUTORIAL_2 = "Page Tracker", "the tutorial", "the tutorial, 2 workers"
EMPTY = "an empty view"
DASHBOARD = "the dashboard"
UNOBSERVED = "without metrics and logs"
EVERY_REQUEST = "with a line for each request"
WORKERS = {
    OURS: 2,
    TUTORIAL: 1,
    TUTORIAL_2: 2,
    EMPTY: 2,
    DASHBOARD: 2,
    UNOBSERVED: 2,
    EVERY_REQUEST: 2,
}

_APPLICATIONS = "benchmarks.applications"
_TUTORIAL = ("gunicorn", f"{_APPLICATIONS}:tutorial()")
_OUR_SETTINGS = ("libs.flask_service.server", "--config=python:libs.flask_service.gunicorn_config")
# Modules and their arguments.
_COMMANDS = {
    OURS: ("services.web",),
    TUTORIAL: _TUTORIAL,
    TUTORIAL_2: _TUTORIAL,
    DASHBOARD: ("services.dashboard",),
    EMPTY: (*_OUR_SETTINGS, f"{_APPLICATIONS}:empty_view()"),
    UNOBSERVED: (*_OUR_SETTINGS, f"{_APPLICATIONS}:unobserved()"),
    EVERY_REQUEST: (*_OUR_SETTINGS, f"{_APPLICATIONS}:every_request()"),
}


class WebServerError(Exception):
    """A web server ended; the message is what it printed."""


@dataclass(frozen=True)
class WebServer:
    """A running Gunicorn."""

    port: int
    process: psutil.Process
    start_seconds: float
    """How long it took to its first answer."""

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        return list(self.process.children())

    def processes(self) -> list[psutil.Process]:
        """Return all its processes."""
        return [self.process, *self.workers()]

    def worker_megabytes(self) -> float:
        """Return the resident memory of its largest worker."""
        return float(max(worker.memory_info().rss for worker in self.workers())) / 1e6


def cpu_seconds(process: psutil.Process) -> float:
    """Return how much processor time one process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def directory_on_disk() -> Iterator[Path]:
    """Make a directory in .cache, since /tmp may be in memory; remove it when the context ends."""
    cache = Path(".cache")
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as directory:
        yield Path(directory)


@contextlib.contextmanager
def redis_server(data_dir: Path, port: int) -> Iterator[EmbeddedRedis]:
    """Run a Redis at a port of this machine until the context ends."""
    with embedded_redis(data_dir, "--bind", "127.0.0.1", "--port", str(port)) as server:
        yield server


@contextlib.contextmanager
def redis_on_disk() -> Iterator[tuple[Path, int]]:
    """Run a Redis until the context ends; yield a directory for more files, and its port."""
    with directory_on_disk() as directory:
        port = free_port()
        with redis_server(directory / "redis", port):
            yield directory, port


@contextlib.contextmanager
def web_server(
    name: str, redis_port: int, log: Path, options: Sequence[str] = ()
) -> Iterator[WebServer]:
    """Run a web server, one of WORKERS, until the context ends; enter at its first answer.

    options are Gunicorn's. Raises WebServerError.
    """
    port = free_port()
    module, *arguments = _COMMANDS[name]
    command = [sys.executable, "-m", module, f"--bind=127.0.0.1:{port}", *options, *arguments]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}",
        "WEB_CONCURRENCY": str(WORKERS[name]),
    }
    begin = time.monotonic()
    with log.open("wb") as output, child_process(command, env=environment, output=output) as child:

        def answers() -> bool:
            if child.poll() is not None:
                raise WebServerError(f"{name} does not run:\n{log.read_text(encoding='utf-8')}")
            return _answers(port)

        wait_until(answers, f"the first answer of {name}")
        seconds = time.monotonic() - begin
        server = WebServer(port, psutil.Process(child.pid), seconds)
        wait_until(lambda: len(server.workers()) == WORKERS[name], "the workers")
        yield server


def free_port() -> int:
    """Return a port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.suppress(ConnectionError), contextlib.closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().status in (200, 302)  # the dashboard's leads on
    return False
