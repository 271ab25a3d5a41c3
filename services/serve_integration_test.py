"""Tests of serve.py, which serves all services, with real processes and real HTTP."""

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from libs.flask_service.testing import program
from libs.processes.testing import wait_until, wait_until_ended
from libs.redis_access.connection import connect
from libs.redis_access.embedded import running_redis
from libs.redis_access.testing import DATA_ROOT
from services.serve import services

SERVED = [path.parent.name for path in Path("services").glob("*/serve.py")]


@pytest.fixture(name="data_dir")
def _data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=DATA_ROOT) as directory:
        yield Path(directory)


def test_should_find_what_each_service_declares() -> None:
    found = services()
    assert sorted(service.package for service in found) == sorted(f"services.{n}" for n in SERVED)
    assert {"web", "dashboard"} <= set(SERVED)
    for distinct in ("title", "port", "address_variable"):
        assert len({getattr(service, distinct) for service in found}) == len(found), distinct


def test_should_serve_all_on_one_redis_until_ctrl_c(data_dir: Path) -> None:
    # When
    with program("services.serve", len(SERVED), f"--data-dir={data_dir}") as started:
        for url in started.urls:
            assert requests.get(f"{url}/livez", timeout=5).json() == {"live": True}
        tracker, dashboard = started.urls[:2]
        requests.get(tracker, timeout=5)
        redis_url = running_redis(data_dir)
        variables = [p.environ() for p in started.family() if "--bind" in p.cmdline()]

        # Then
        lines = started.banner.splitlines()
        assert lines[:2] == [
            f"Page Tracker: {tracker} (data: {data_dir})",
            f"Dashboard: {dashboard}/dashboard/",
        ]
        with contextlib.closing(connect(redis_url or "")) as client:
            assert client.get("page_views") == b"1"
        assert {each["REDIS_URL"] for each in variables} == {redis_url}
        assert {each["TRACKER_URL"] for each in variables} == {tracker}
        assert {each["DASHBOARD_URL"] for each in variables} == {dashboard}
        assert started.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("package", [f"services.{name}" for name in SERVED])
def test_should_stop_all_if_one_stops(
    package: str, data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given
    with program("services.serve", len(SERVED), f"--data-dir={data_dir}") as started:
        wait_until(lambda: is_served(started.urls), "the services")
        family = started.family()

        # When
        application = f"{package}.app:"
        servers = started.process.children()
        master = next(p for p in servers if p.cmdline()[-1].startswith(application))
        master.kill()
        status = started.process.wait(20)

        # Then
        assert status == 1
        error = f"serve: the server of {package} stopped with status -9\n"
        assert error in capfd.readouterr().err
        wait_until_ended(family)


def test_should_give_the_services_ports_in_a_row() -> None:
    host = "127.0.0.3"  # where nobody else listens
    with socket.create_server((host, 0)) as other:
        port = other.getsockname()[1]
        assert said(host, port - 1).startswith(f"serve: cannot listen on {host} port {port}: ")
    assert said(host, 65535) == "serve: there is no port 65536; choose a lower --port\n"


def said(host: str, port: int) -> str:
    """Return why services cannot be served from this port on."""
    command = [sys.executable, "-m", "services.serve", f"--host={host}", f"--port={port}"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    return run.stderr


def is_served(urls: list[str]) -> bool:
    """Return whether all services answer."""
    return all(requests.get(f"{url}/livez", timeout=5).ok for url in urls)
