"""Find the Redis that a command works on."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click
import redis

from libs.page_views.registry import SITES_KEY
from libs.redis_access.connection import connect, connect_from_environment
from libs.redis_access.urls import VARIABLE

try:
    from libs.redis_access import embedded
except ImportError:  # in the production image
    embedded = None  # type: ignore[assignment]

WAIT_SECONDS = 30
"""How long a command waits for an answer: loading a large site keeps Redis busy."""


@contextlib.contextmanager
def connected(data_dir: Path | None) -> Iterator[redis.Redis]:
    """Yield a client for the Redis at REDIS_URL, or else for the embedded one of data_dir.

    data_dir is that of `./pants run services:serve` by default. Its server is used if it runs,
    and runs until the context ends if not. Raises click.ClickException.
    """
    if VARIABLE in os.environ:
        if data_dir:
            raise click.UsageError(
                f"--data-dir is for the embedded Redis: drop it, or unset {VARIABLE}"
            )
        with contextlib.closing(connect_from_environment(SITES_KEY, WAIT_SECONDS)) as client:
            yield client
        return
    if embedded is None:
        raise click.ClickException(f"there is no Redis here: name one in {VARIABLE}")
    if data_dir and not data_dir.is_dir():
        raise click.BadParameter(f"there is no directory {data_dir}", param_hint="--data-dir")
    data_dir = data_dir or embedded.DEFAULT_DATA_DIR
    with contextlib.ExitStack() as stack:
        try:
            url = embedded.running_redis(data_dir) or (
                stack.enter_context(embedded.embedded_redis(data_dir)).url
            )
        except embedded.EmbeddedRedisError as error:
            raise click.ClickException(str(error)) from error
        yield stack.enter_context(contextlib.closing(connect(url, wait_seconds=WAIT_SECONDS)))
