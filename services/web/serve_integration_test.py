"""The one-command start: real processes, real HTTP."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from libs.redis_access.embedded import embedded_redis
from services.web.serve import main


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No REDIS_URL from outside, and the signal handlers that main() sets are taken back."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@dataclass
class Tracker:
    """A tracker that was started with services/web/serve.py."""

    url: str
    banner: str
    process: psutil.Process

    def family(self) -> list[psutil.Process]:
        """The process and all it started."""
        return [self.process, *self.process.children(recursive=True)]

    def view(self) -> str:
        """The text of the page."""
        return requests.get(self.url, timeout=5).text

    def view_until(self, text: str) -> None:
        """View the page again and again until it begins with text; fail after 10 s."""
        deadline = time.monotonic() + 10
        view = "nothing"
        while not view.startswith(text):
            assert time.monotonic() < deadline, f"waited 10 s in vain; last answer: {view}"
            with contextlib.suppress(requests.ConnectionError):  # not listening yet
                view = self.view()


@contextlib.contextmanager
def tracker(*arguments: str, repository: Path = Path(), **environment: str) -> Iterator[Tracker]:
    """Run the tracker of repository on a free port; what is left of it at the end is killed."""
    python_path = os.pathsep.join(map(os.path.abspath, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-m", "services.web.serve", "--port=0", *arguments],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": python_path, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        banner = process.stdout.readline()
        url = re.search(r"http://\S+", banner)
        assert url, banner
        started = Tracker(url.group(), banner, psutil.Process(process.pid))
        try:
            yield started
        finally:
            if started.process.is_running():
                for member in started.family():
                    member.kill()


def test_should_serve_until_ctrl_c(data_dir: Path) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as started:
        views = [started.view() for _ in range(3)]
        family = started.family()

        # When
        started.process.send_signal(signal.SIGINT)
        status = started.process.wait(5)

    # Then
    assert views == [f"This page has been seen {number} times." for number in (1, 2, 3)]
    assert started.banner.endswith(f"(its data lies in {data_dir})\n")
    assert status == 0
    assert len(family) == 5  # serve, Redis, Gunicorn and its two workers
    assert not any(process.is_running() for process in family)


def test_should_serve_on_the_given_redis_until_sigterm(redis_url: str) -> None:
    # Given
    with tracker(REDIS_URL=redis_url) as started:
        view = started.view()
        family = started.family()

        # When
        started.process.terminate()
        status = started.process.wait(5)

    # Then
    assert view == "This page has been seen 1 times."
    assert started.banner.endswith("(its data lies in the Redis that REDIS_URL names)\n")
    assert status == 0
    assert len(family) == 4
    assert not any(process.is_running() for process in family)


def test_should_go_on_counting_after_everything_was_killed(data_dir: Path) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as first:
        first.view()
        views = [first.view()]
        family = first.family()

        # When
        for process in reversed(family):
            process.kill()
        psutil.wait_procs(family, timeout=5)
    with tracker(f"--data-dir={data_dir}") as second:
        views.append(second.view())

    # Then
    assert views == [f"This page has been seen {number} times." for number in (2, 3)]


def test_should_stop_when_its_redis_dies(data_dir: Path) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as started:
        family = started.family()
        embedded = next(process for process in family if process.name() == "valkey-server")

        # When
        embedded.kill()
        status = started.process.wait(5)

    # Then
    assert status == 1
    assert not any(process.is_running() for process in family)


def test_should_show_an_edit_at_the_next_reload(data_dir: Path) -> None:
    # Given
    repository = data_dir / "repository"
    for room in ("libs", "services"):
        shutil.copytree(room, repository / room)
    app = repository / "services/web/app.py"
    with tracker(f"--data-dir={data_dir}", "--debug", repository=repository) as started:
        started.view_until("This page has been seen")

        # When
        app.write_text(app.read_text().replace("has been seen", "was seen"))

        # Then
        started.view_until("This page was seen")


@pytest.mark.parametrize(
    ("arguments", "redis_url_variable", "message"),
    [
        ([], "http://localhost", "REDIS_URL must begin with redis://, rediss:// or unix://"),
        ([], "redis://:secret@127.0.0.1:1", "the Redis that REDIS_URL names does not answer: "),
        (["--data-dir=x"], "redis://localhost", "--data-dir is for the embedded Redis"),
        (["--data-dir=/dev/null/x"], None, "cannot write to the data directory /dev/null/x: "),
        (["--host=256.0.0.1"], None, "--host 256.0.0.1 is not an address: "),
        (["--host=203.0.113.1"], None, "cannot listen on 203.0.113.1 port 0: "),
    ],
)
def test_should_say_in_one_line_why_it_cannot_serve(
    arguments: list[str],
    redis_url_variable: str | None,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given
    if redis_url_variable:
        monkeypatch.setenv("REDIS_URL", redis_url_variable)

    # When
    status = main(["--port=0", *arguments])

    # Then
    output = capsys.readouterr()
    assert status == 1
    assert output.out == ""
    assert output.err.startswith(f"serve: {message}")
    assert output.err.count("\n") == 1
    assert "secret" not in output.err


def test_should_say_that_the_port_is_busy(capsys: pytest.CaptureFixture[str]) -> None:
    # Given
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        # When
        status = main([f"--port={port}"])

    # Then
    assert status == 1
    assert capsys.readouterr().err == (
        f"serve: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another --host or --port\n"
    )


def test_should_say_that_the_data_is_in_use(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given
    with embedded_redis(data_dir):
        # When
        status = main(["--port=0", f"--data-dir={data_dir}"])

    # Then
    assert status == 1
    assert "is in use by another tracker" in capsys.readouterr().err


def test_should_refuse_a_port_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    # When
    with pytest.raises(SystemExit) as caught:
        main(["--port=65536"])

    # Then
    assert caught.value.code == 2
    assert "65536" in capsys.readouterr().err
