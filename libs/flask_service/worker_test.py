"""Tests of how a worker accepts connections, and of its log."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from gevent import get_hub, sleep
from gevent.pool import Pool
from gunicorn.config import Config
from gunicorn.workers import ggevent

from libs.flask_service.worker import Log

CROWD = 100


def test_should_accept_many_connections_at_once_only_if_it_has_many() -> None:
    # Given
    looks: list[int] = []

    def keep(_connection: Any, _address: Any) -> None:
        looks.append(get_hub().loop.iteration)
        sleep(60)

    with socket.create_server(("127.0.0.1", 0), backlog=CROWD) as listener:
        crowd = [socket.create_connection(listener.getsockname()) for _ in range(CROWD)]
        listener.setblocking(False)
        with ggevent.StreamServer(listener, keep, spawn=Pool(CROWD)) as server:
            # When
            server.max_accept = 1
            server.start()
            while len(looks) < CROWD:
                sleep(0.001)
            server.stop(timeout=0)
        for each in crowd:
            each.close()

    # Then
    assert len(set(looks[:16])) == 16
    assert len(set(looks)) < CROWD / 2


@pytest.mark.parametrize(("access_log", "lines"), [(None, 0), ("-", 1)])
def test_should_make_no_line_of_a_request_for_a_log_that_is_off(
    monkeypatch: pytest.MonkeyPatch, access_log: str | None, lines: int
) -> None:
    made: list[Any] = []

    def atoms(*arguments: Any) -> dict[str, str]:
        made.append(arguments)
        return {}

    monkeypatch.setattr(Log, "atoms", atoms)
    config = Config()
    config.set("logconfig_dict", {"version": 1, "disable_existing_loggers": False})
    config.set("accesslog", access_log)
    log = Log(config)
    log.access(None, None, {}, timedelta())
    assert len(made) == lines
