"""The one-command start: real processes, real HTTP."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
import requests

from libs.processes.testing import have_ended


@dataclass
class Tracker:
    """A tracker that was started with services/web/serve.py."""

    url: str
    banner: str
    process: psutil.Process

    def family(self) -> list[psutil.Process]:
        """The process and all it started."""
        return [self.process, *self.process.children(recursive=True)]

    def stop(self, signal_number: signal.Signals) -> int:
        """Send a signal to the one process that the user knows; return the exit status."""
        family = self.family()
        self.process.send_signal(signal_number)
        status = self.process.wait(5)
        assert have_ended(family)
        return status

    def view(self) -> str:
        """The text of the page."""
        return requests.get(self.url, timeout=5).text

    def view_until(self, text: str) -> None:
        """View the page again and again until it begins with text; fail after 10 s."""
        deadline = time.monotonic() + 10
        view = "nothing"
        while not view.startswith(text):
            assert time.monotonic() < deadline, f"waited 10 s in vain; last answer: {view}"
            with contextlib.suppress(requests.RequestException):  # about to reload
                view = self.view()


@contextlib.contextmanager
def tracker(*arguments: str, repository: Path = Path(), **environment: str) -> Iterator[Tracker]:
    """Run the tracker of repository on a free port; what is left of it at the end is killed."""
    python_path = os.pathsep.join(map(os.path.abspath, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-m", "services.web.serve", "--port=0", *arguments],
        cwd=repository,
        env={
            **{name: value for name, value in os.environ.items() if name != "REDIS_URL"},
            "PYTHONPATH": python_path,
            "WEB_CONCURRENCY": "1",
            **environment,
        },
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
            with contextlib.suppress(psutil.NoSuchProcess):
                for member in started.family():
                    member.kill()


def test_should_go_on_counting_after_everything_was_killed(data_dir: Path) -> None:
    # Given
    with tracker(f"--data-dir={data_dir}") as first:
        views = [first.view() for _ in range(3)]
        family = first.family()
        for process in reversed(family):
            process.kill()
        assert have_ended(family)

    # When
    with tracker(f"--data-dir={data_dir}") as second:
        views.append(second.view())
        status = second.stop(signal.SIGINT)

    # Then
    assert views == [f"This page has been seen {number} times." for number in (1, 2, 3, 4)]
    assert status == 0
    assert first.banner.endswith(f"(its data lies in {data_dir})\n")


def test_should_serve_on_the_given_redis(redis_url: str, redis_client: redis.Redis) -> None:
    # When
    with tracker(REDIS_URL=redis_url) as started:
        started.view()
        status = started.stop(signal.SIGTERM)

    # Then
    assert redis_client.get("page_views") == b"1"
    assert status == 0
    assert started.banner.endswith("(its data lies in the Redis that REDIS_URL names)\n")


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
    assert have_ended(family)


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
        assert started.stop(signal.SIGTERM) == 0
