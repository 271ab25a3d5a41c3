"""Tests of the command line as a program of its own, with the embedded Redis, running or not."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from libs.page_views.counting import PageViewCounter
from libs.page_views.registry import all_sites
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.urls import VARIABLE
from services.admin.commands.conftest import run_anywhere

PROGRAM = [sys.executable, "-m", "services.admin"]


@pytest.fixture(autouse=True)
def _without_redis_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, sys.path)))


def test_should_use_the_tracker_s_data_whether_it_runs_or_not(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.chdir(data_dir)

    def program(command: str) -> str:
        done = subprocess.run([*PROGRAM, *command.split()], check=True, capture_output=True)
        assert not done.stderr
        return done.stdout.decode()

    # When it has never run
    assert (
        program("sites add one.example") == "one.example is registered: its views are counted now\n"
    )

    # When it runs
    with embedded_redis(Path(".cache/redis")) as server:
        program("sites add two.example")
        with connect(server.url) as client:
            assert [site.name for site in all_sites(client)] == ["one.example", "two.example"]

    # When it has stopped
    listed = json.loads(program("sites list --json"))
    assert [site["name"] for site in listed] == ["one.example", "two.example"]


def test_should_migrate_what_the_previous_version_stored(data_dir: Path) -> None:
    # Given
    with embedded_redis(data_dir) as server, connect(server.url) as client:
        for _ in range(3):
            PageViewCounter(client).count()

    def run(command: str) -> str:
        done = run_anywhere(f"{command} --data-dir {data_dir}")
        assert done.exit_code == 0, done.stderr
        return done.stdout

    # When
    first = run("migrate")
    run("sites add example.org")
    results = [json.loads(run("migrate --site example.org --json")) for _ in range(2)]

    # Then
    assert first == "the storage is of version 2 (before: 1)\n"
    assert [result["added"] for result in results] == [3, 0]
    assert json.loads(run("sites list --json"))[0]["views"] == 3
    assert run("check") == "example.org: all numbers fit\n"
    with embedded_redis(data_dir) as server, connect(server.url) as client:
        assert client.get("page_views") == b"3"
        assert client.get("storage_version") == b"2"
        assert PageViewCounter(client).count() == 4


def test_should_show_progress_on_a_terminal_only(data_dir: Path, tmp_path: Path) -> None:
    # Given
    file = tmp_path / "sites.ndjson.gz"
    options = ["--data-dir", str(data_dir)]
    run_anywhere("demo example.org", *options)

    for command in (["export", "--output"], ["load", "--replace"]):
        # When
        terminal, program = pty.openpty()
        with os.fdopen(terminal, "rb", buffering=0) as shown:
            with os.fdopen(program, "wb") as stderr:
                subprocess.run(
                    [*PROGRAM, *command, str(file), *options],
                    check=True,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                )
            drawn = b""
            with contextlib.suppress(OSError):  # the end, on Linux
                while some := shown.read(4096):
                    drawn += some

        # Then
        assert b"100%" in drawn, command


def test_should_end_quietly_when_its_reader_does(data_dir: Path) -> None:
    run_anywhere("demo example.org", "--data-dir", str(data_dir))
    with subprocess.Popen(
        [*PROGRAM, "export", "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdout and program.stderr
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait() == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://localhost:1", "Redis cannot be reached ("),
        ("redis:/x", "REDIS_URL must begin with redis://"),
    ],
)
def test_should_say_what_is_wrong_with_redis(
    monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    failed = run_anywhere("sites list")
    assert failed.exit_code == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"admin: {message}")


def test_should_say_that_a_data_directory_cannot_be_used(data_dir: Path) -> None:
    missing = run_anywhere(f"sites list --data-dir {data_dir}/missing")
    assert missing.exit_code == 2
    assert f"there is no directory {data_dir}/missing" in missing.stderr
    with embedded_redis(data_dir):
        os.rename(data_dir / "redis.sock", data_dir / "hidden.sock")
        used = run_anywhere(f"sites list --data-dir {data_dir}")
    assert used.exit_code == 1
    assert "is in use by another tracker; stop that one" in used.stderr
