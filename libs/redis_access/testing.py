"""Pytest fixtures for a real Redis that runs per session and is empty for every test.

Import them by name in a conftest.py. Each pytest process has its own server, so tests may run in
parallel.
"""

# pylint: disable=redefined-outer-name  # fixtures request each other

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis, embedded_redis

# Every write goes to disk first; tests keep it in memory, so a slow disk cannot fail them.
DATA_ROOT = "/dev/shm" if os.path.isdir("/dev/shm") else None


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Yield an empty directory whose path is short enough for a Unix socket, unlike tmp_path's."""
    with tempfile.TemporaryDirectory(dir=DATA_ROOT) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """Yield the session's server; redis_url and redis_client empty it for each test."""
    with tempfile.TemporaryDirectory(dir=DATA_ROOT) as directory:
        with embedded_redis(Path(directory)) as server:
            yield server


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """Return the URL of the session's server, which is empty."""
    with contextlib.closing(connect(redis_server.url)) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """Yield a client of the session's server, which is empty."""
    with contextlib.closing(connect(redis_url)) as client:
        yield client


@pytest.fixture
def redis_socket(redis_server: EmbeddedRedis) -> Path:
    """Return the Unix socket of the session's server."""
    return Path(redis_server.url.removeprefix("unix://"))


def count_sends(client: redis.Redis) -> Callable[[], int]:
    """Return what returns how often a client has sent something on connections it opens later."""
    sends = 0
    connection_class = client.connection_pool.connection_class

    class CountingConnection(connection_class):  # type: ignore[misc, valid-type]
        """A connection that counts what it sends, all commands of a pipeline as one."""

        def send_packed_command(self, *arguments: Any, **options: Any) -> None:
            """Send commands."""
            nonlocal sends
            sends += 1
            super().send_packed_command(*arguments, **options)

    client.connection_pool.connection_class = CountingConnection
    return lambda: sends
