"""Start the tracker with one command: the web service, and a Redis unless REDIS_URL is set.

./pants run services/web:serve -- --port 8080
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

import redis

from libs.flask_service.settings import SettingError, check_settings
from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.processes.child import child_process
from libs.redis_access.connection import connect_from_environment
from libs.redis_access.embedded import DEFAULT_DATA_DIR, EmbeddedRedisError, embedded_redis
from libs.redis_access.urls import VARIABLE, RedisSettingError

_LAST_PORT = 65535


class ServeError(Exception):
    """The tracker cannot run; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl+C or SIGTERM; return the exit status."""
    options = _parse(arguments)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with contextlib.ExitStack() as stack:
            _serve(options, stack)
    except KeyboardInterrupt:
        return 0
    except (ServeError, SettingError, EmbeddedRedisError, RedisSettingError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace, stack: contextlib.ExitStack) -> NoReturn:
    """Start and watch Redis and the web server; stack stops them in reverse order."""
    check_settings()  # report an invalid variable before anything starts
    listener = stack.enter_context(_listen(options.host, options.port))
    processes = {}
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(os.path.abspath, sys.path)))
    if VARIABLE in environment:
        _check_given_redis(options.data_dir)
        data = f"the Redis that {VARIABLE} names"
    else:
        data_dir = (options.data_dir or DEFAULT_DATA_DIR).absolute()
        embedded = stack.enter_context(embedded_redis(data_dir))
        processes[f"the embedded Redis (its log is {data_dir / 'redis.log'})"] = embedded.process
        environment[VARIABLE] = embedded.url
        data = str(data_dir)
    print(f"Page Tracker: {_url(listener)} (data: {data})", flush=True)
    command, inherited = _web_server(listener, options.debug)
    processes["the web server"] = stack.enter_context(
        child_process(command, env=environment, pass_fds=inherited)
    )
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                raise ServeError(f"{name} stopped with status {process.returncode}")
        time.sleep(0.1)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=2048)
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: not a valid host name
        raise ServeError(f"--host {host[:100]} is not an address") from error
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ServeError(
            f"cannot listen on {host} port {port}: {reason}; choose another --host or --port"
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _web_server(listener: socket.socket, debug: bool) -> tuple[list[str], list[int]]:
    """Return the command that serves on listener, and the file descriptors it inherits."""
    inherited = []
    if debug:
        host, port = listener.getsockname()[:2]
        listener.close()  # Flask opens its own
        server = f"flask --app services.web.app run --debug --host {host} --port {port}"
    else:
        inherited = [listener.fileno()]
        server = f"services.web --bind fd://{inherited[0]}"
    return [sys.executable, "-m", *server.split()], inherited


def _check_given_redis(data_dir: Path | None) -> None:
    if data_dir:
        raise ServeError(f"--data-dir is for the embedded Redis: drop it, or unset {VARIABLE}")
    try:
        with contextlib.closing(connect_from_environment(PAGE_VIEWS_KEY)) as client:
            client.ping()
    except redis.RedisError as error:
        raise ServeError(
            f"the Redis that {VARIABLE} names does not answer: {error}; "
            f"start it, or unset {VARIABLE} to use an embedded one"
        ) from error


def _interrupt(*_: object) -> NoReturn:
    """Handle the first SIGINT or SIGTERM; ignore later ones while children stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports errors in one line, like the rest of this program."""

    def error(self, message: str) -> NoReturn:
        """Print the message without the usage; exit with status 2."""
        self.exit(2, f"{self.prog}: {message[:200]}\n")


def _port(text: str) -> int:
    if text.isdecimal() and len(text) <= 5 and int(text) <= _LAST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 0 to {_LAST_PORT}")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="serve",
        description="Serve the page tracker, on a Redis of its own unless REDIS_URL names one.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port",
        type=_port,
        default=8000,
        metavar="PORT",
        help="port to listen on, 0 for any free one (%(default)s)",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help=f"where the embedded Redis keeps its data ({DEFAULT_DATA_DIR})",
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        help="use Flask's development server, which reloads code when it is edited",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
