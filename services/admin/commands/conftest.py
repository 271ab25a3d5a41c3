"""Fixtures that run the command line, on the session's Redis."""

# pylint: disable=redefined-outer-name  # fixtures request each other

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from libs.redis_access.testing import (
    data_dir,
    redis_client,
    redis_server,
    redis_socket,
    redis_url,
)
from libs.redis_access.urls import VARIABLE
from services.admin.commands.command_line import admin

__all__ = ["data_dir", "redis_client", "redis_server", "redis_socket", "redis_url"]

Run = Callable[..., Result]


@pytest.fixture(name="run")
def _run(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command of one text, such as "sites list"."""
    monkeypatch.setenv(VARIABLE, redis_url)
    return run_anywhere


def run_anywhere(command: str, *more: str, answers: str | bytes = "") -> Result:
    """Run a command without setting where its Redis is."""
    result = CliRunner().invoke(admin, [*command.split(), *more], input=answers)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
