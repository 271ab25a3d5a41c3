"""Start the whole tracker with one command: the web service, and a Redis if none is given.

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

from libs.processes.child import child_process
from libs.redis_access.connection import VARIABLE, RedisUrlError, connect_from_environment
from libs.redis_access.embedded import EmbeddedRedisError, embedded_redis

DEFAULT_DATA_DIR = Path(".cache/redis")

_APPLICATION = "services.web.app:create_app()"
_CONFIGURATION = "python:services.web.gunicorn_config"


class ServeError(Exception):
    """The tracker cannot run; the text says why and what to do."""


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
    except (ServeError, EmbeddedRedisError, RedisUrlError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace, stack: contextlib.ExitStack) -> NoReturn:
    """Start Redis, then the web server, and watch them; stack stops them in the opposite order."""
    listener = stack.enter_context(_listen(options.host, options.port))
    processes = {}
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(os.path.abspath, sys.path)))
    if VARIABLE in environment:
        _check_given_redis(options.data_dir)
        data = f"the Redis that {VARIABLE} names"
    else:
        data_dir = (options.data_dir or DEFAULT_DATA_DIR).absolute()
        embedded = stack.enter_context(embedded_redis(data_dir))
        processes["the embedded Redis"] = embedded.process
        environment[VARIABLE] = embedded.url
        data = str(data_dir)
    print(f"Page Tracker: {_url(listener)} (its data lies in {data})", flush=True)
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
    except socket.gaierror as error:
        raise ServeError(f"--host {host} is not an address: {error.strerror}") from error
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ServeError(
            f"cannot listen on {host} port {port}: {reason}; choose another --host or --port"
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _web_server(listener: socket.socket, debug: bool) -> tuple[list[str], list[int]]:
    """The command that serves on listener, and the file descriptors that it inherits."""
    inherited = []
    if debug:
        host, port = listener.getsockname()[:2]
        listener.close()  # Flask opens its own
        server = f"flask --app {_APPLICATION} run --debug --host {host} --port {port}"
    else:
        inherited = [listener.fileno()]
        server = f"gunicorn --config {_CONFIGURATION} --bind fd://{inherited[0]} {_APPLICATION}"
    return [sys.executable, "-m", *server.split()], inherited


def _check_given_redis(data_dir: Path | None) -> None:
    if data_dir:
        raise ServeError(f"--data-dir is for the embedded Redis: drop it, or unset {VARIABLE}")
    try:
        with contextlib.closing(connect_from_environment()) as client:
            client.ping()
    except redis.RedisError as error:
        raise ServeError(
            f"the Redis that {VARIABLE} names does not answer: {error}; "
            f"start it, or unset {VARIABLE} to use an embedded one"
        ) from error


def _interrupt(*_: object) -> NoReturn:
    """Handle the first SIGINT or SIGTERM; stopping the children is not interrupted again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="serve",
        description="Serve the page tracker, on a Redis of its own unless REDIS_URL names one.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        choices=range(65536),
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
