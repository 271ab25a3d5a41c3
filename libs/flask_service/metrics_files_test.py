"""Tests of the directories in which Gunicorn's processes keep their metrics."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from libs.flask_service import metrics_files
from libs.flask_service.metrics_files import DIRECTORY_VARIABLE

LONG_AGO = 1


@pytest.fixture(name="parent", autouse=True)
def _parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Yield a directory in place of /dev/shm."""
    monkeypatch.setattr(metrics_files, "_MEMORY", str(tmp_path))
    monkeypatch.setenv(DIRECTORY_VARIABLE, "")
    yield tmp_path


def start_server(script: str, parent: Path) -> "subprocess.Popen[str]":
    """Run a server that makes its directory and then runs script; its name is the output."""
    code = (
        f"import os, sys; from libs.flask_service import metrics_files as m; "
        f"m._MEMORY = {str(parent)!r}; m.make_directory(None); "
        f"print(os.environ[m.DIRECTORY_VARIABLE], flush=True); {script}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_should_remove_the_directory_of_a_killed_server_and_no_other(parent: Path) -> None:
    # Given: one that ended without removing its own, and one that runs
    directories = {}
    with start_server("", parent) as ended, start_server("input()", parent) as running:
        for server in (ended, running):
            assert server.stdout
            directories[server] = Path(server.stdout.readline().strip())
            os.utime(directories[server], (LONG_AGO, LONG_AGO))
        ended.wait(10)

        # When
        metrics_files.make_directory(None)

        # Then
        own = Path(os.environ[DIRECTORY_VARIABLE])
        assert sorted(parent.iterdir()) == sorted([directories[running], own])
        running.kill()


def test_should_leave_a_directory_that_another_server_is_just_making(parent: Path) -> None:
    made = parent / "page-tracker-metrics-new"
    made.mkdir()
    metrics_files.make_directory(None)
    assert made.is_dir()
    metrics_files.remove_directory(None)
    assert list(parent.iterdir()) == [made]


def test_should_give_a_new_worker_the_files_of_one_that_died() -> None:
    # Given: three workers
    server = SimpleNamespace(WORKERS={})

    def start_worker(process_id: int) -> int:
        worker = SimpleNamespace()
        metrics_files.choose_slot(server, worker)
        server.WORKERS[process_id] = worker
        return int(worker.slot)

    assert [start_worker(process_id) for process_id in (10, 11, 12)] == [0, 1, 2]

    # When: one dies, and two start
    del server.WORKERS[11]
    slots = [start_worker(process_id) for process_id in (13, 14)]

    # Then
    assert slots == [1, 3]
