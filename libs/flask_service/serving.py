"""Serve web services with one command, each as its serve.py declares it, and a Redis for them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import redis

from libs.feature_flags import flag_file
from libs.flask_service.serving_options import LAST_PORT, Options, parse
from libs.flask_service.settings import (
    LOG_FORMAT_VARIABLE,
    METRICS_PORT_VARIABLE,
    SettingError,
    check_settings,
)
from libs.processes.child import child_process
from libs.redis_access.connection import connect_from_environment
from libs.redis_access.embedded import DEFAULT_DATA_DIR, EmbeddedRedisError, embedded_redis
from libs.redis_access.urls import VARIABLE, RedisSettingError

FLAGS = Path("compose/flags/flags.json")
"""The feature flags, unless FLAGS_FILE names other ones."""


@dataclass(frozen=True)
class Service:
    """How a service is served on this machine; its serve.py names it SERVICE."""

    package: str
    """Where its app.py and __main__.py are, such as services.web."""
    title: str
    """What people call it."""
    port: int
    """The port it listens on unless --port says otherwise."""
    address_variable: str
    """The variable that tells its address, such as http://127.0.0.1:8000, to all services."""
    path: str = ""
    """The path of its first page."""


class ServeError(Exception):
    """The services cannot run; the message says why and what to do."""


def serve(services: Sequence[Service], arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl+C or SIGTERM; return the exit status.

    Without arguments, those of the command line apply. Without REDIS_URL, the services share an
    embedded Redis.
    """
    services = sorted(services, key=lambda service: service.port)
    options = parse(services[0].port, [service.title for service in services], arguments)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with contextlib.ExitStack() as stack:
            _serve(services, options, stack)
    except KeyboardInterrupt:
        return 0
    except (ServeError, SettingError, EmbeddedRedisError, RedisSettingError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1


def _serve(services: Sequence[Service], options: Options, stack: contextlib.ExitStack) -> NoReturn:
    """Start and watch Redis and the services; stack stops them in reverse order."""
    check_settings()  # report an invalid variable before anything starts
    served = []
    for service in services:
        port = options.port and options.port + service.port - services[0].port  # 0 is any port
        served.append((service, stack.enter_context(_listen(options.host, port))))
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(os.path.abspath, sys.path)))
    environment.setdefault(LOG_FORMAT_VARIABLE, "console")  # also if somebody pipes it
    if FLAGS.exists():
        environment.setdefault(flag_file.VARIABLE, str(FLAGS.absolute()))
    note, processes = _redis(options.data_dir, environment, stack)
    for service, listener in served:
        environment.setdefault(service.address_variable, _url(listener))
        print(f"{service.title}: {_url(listener)}{service.path}{note}", flush=True)
        note = ""
    for service, listener in served:
        own = {**environment, METRICS_PORT_VARIABLE: _metrics_port(listener)}
        command, inherited = _server(service, listener, options.debug, own)
        processes[f"the server of {service.package}"] = stack.enter_context(
            child_process(command, env=own, pass_fds=inherited)
        )
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                raise ServeError(f"{name} stopped with status {process.returncode}")
        time.sleep(0.1)


def _redis(
    data_dir: Path | None, environment: dict[str, str], stack: contextlib.ExitStack
) -> tuple[str, dict[str, subprocess.Popen[bytes]]]:
    """Check the Redis that environment names, or start one and name it there.

    Returns a note where the data is, and the process to watch, if there is one, by its name.
    """
    if VARIABLE in environment:
        _check_given_redis(data_dir)
        return f" (data: the Redis that {VARIABLE} names)", {}
    directory = (data_dir or DEFAULT_DATA_DIR).absolute()
    embedded = stack.enter_context(embedded_redis(directory))
    environment[VARIABLE] = embedded.url
    name = f"the embedded Redis (its log is {directory / 'redis.log'})"
    return f" (data: {directory})", {name: embedded.process}


def _listen(host: str, port: int) -> socket.socket:
    if port > LAST_PORT:
        raise ServeError(f"there is no port {port}; choose a lower --port")
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


def _metrics_port(listener: socket.socket) -> str:
    """Return the port of the service if only this machine reaches it, or else 0, for none."""
    host, port = listener.getsockname()[:2]
    return f"{port}" if ip_address(host).is_loopback else "0"


def _server(
    service: Service, listener: socket.socket, debug: bool, environment: dict[str, str]
) -> tuple[list[str], list[int]]:
    """Return the command that serves on listener, and the file descriptors it inherits."""
    program = [sys.executable, "-m"]
    if not debug:
        number = listener.fileno()
        return [*program, service.package, "--bind", f"fd://{number}"], [number]
    # Flask's server does not say what the service says at its start.
    subprocess.run([*program, service.package, "--check-config"], env=environment, check=False)
    host, port = listener.getsockname()[:2]
    listener.close()  # Flask opens its own
    flask = f"flask --app {service.package}.app run --debug --host {host} --port {port}"
    return [*program, *flask.split()], []


def _check_given_redis(data_dir: Path | None) -> None:
    if data_dir:
        raise ServeError(f"--data-dir is for the embedded Redis: drop it, or unset {VARIABLE}")
    try:
        with contextlib.closing(connect_from_environment("")) as client:
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
