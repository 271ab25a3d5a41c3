"""Deploy images to a stack for tests, from a copy of what a host needs, while visitors view it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from compose.testing import VIEWERS, Stack, Views
from libs.page_views.testing import number_of_view
from libs.processes.testing import wait_until

BLUE, GREEN = COLOURS = ("web-service", "web-service-green")

WATCH_SECONDS = 10 if os.environ.get("SLOW_TESTS") == "all" else 3

_DEPLOY = "build_support/deploy/deploy.py"
_BASE = (
    f"{os.environ.get('IMAGE_PREFIX', '')}page-tracker-web:{os.environ.get('IMAGE_TAG', 'latest')}"
)
_APP = "/app/lib/python3.11/site-packages/services/web/app.py"


def copy_what_a_host_needs(root: Path) -> None:
    """Copy the stack and the scripts, without state, into a directory."""
    for name in ("compose", "build_support"):
        ignored = shutil.ignore_patterns("__pycache__", ".env")
        shutil.copytree(name, root / name, ignore=ignored)


class Registry:
    """A registry on this machine, where images of the web service are pushed."""

    def __init__(self) -> None:
        self._name = ""
        self._images: list[str] = []

    def start(self) -> None:
        """Start the registry, and log in."""
        address = _output("build_support/containers/start_registry.sh").strip()
        self._name = f"{address}/somebody/page-tracker-web"
        login = ("docker", "login", "--username", "somebody", "--password-stdin", address)
        subprocess.run(login, check=True, input=b"not-a-secret", capture_output=True)

    def push(self, name: str, code: str = "") -> str:
        """Push an image with more code in services/web/app.py; return its name and digest."""
        tag = f"{self._name}:{name}"
        context = Path("images", name)
        context.mkdir(parents=True)
        (context / "code.py").write_text(f"\n# {name}\n{code}", encoding="utf-8")
        dockerfile = (
            f"FROM {_BASE}\nUSER 0\nCOPY code.py /code.py\n"
            f"RUN cat /code.py >>{_APP}\nUSER 10001\n"
        )
        (context / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        _output("docker", "build", "--quiet", "--tag", tag, str(context))
        try:
            _output("docker", "push", "--quiet", tag)
            form = "{{index .RepoDigests 0}}"
            image = _output("docker", "image", "inspect", "--format", form, tag).strip()
        finally:
            _output("docker", "image", "rm", tag)
        self._images.append(image)
        return image

    def close(self) -> None:
        """Stop the registry, and remove the images that were pulled from it."""
        _output("build_support/containers/stop_registry.sh")
        for image in self._images:
            subprocess.run(["docker", "image", "rm", image], check=False, capture_output=True)


@dataclass(frozen=True)
class Logged:
    """A request in the gateway's log."""

    backend: str
    status: int
    time: datetime


class Operator:
    """Runs the deploy script as an operator would, and looks at what it did."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        project = stack.docker.client_config.compose_project_name
        self._environment = {**os.environ, "COMPOSE_PROJECT_NAME": str(project)}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the script; its output comes line by line."""
        return subprocess.Popen(
            [sys.executable, _DEPLOY, *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run the script; return its status, and the last line that it printed."""
        with self.start(*arguments) as process:
            output, errors = process.communicate()
        print(output, errors)  # shown if the test fails
        return process.returncode, (errors or output).splitlines()[-1]

    def deploy(self, image: str) -> tuple[int, str]:
        """Deploy an image; return the status of the script, and its last line."""
        return self.run(image, f"--watch={WATCH_SECONDS}")

    def kill_at(self, step: str, image: str) -> None:
        """Deploy an image, and kill the script when it begins a step."""
        with self.start(image, f"--watch={WATCH_SECONDS}") as process:
            assert process.stdout
            seen = list(iter(process.stdout.readline, f"{step} …\n"))
            process.kill()
        assert "" not in seen, seen

    def image(self, colour: str) -> str:
        """Return the image that a colour runs, or "" if it does not run."""
        form = "{{.Image}}"
        return self._stack.command(f"--profile green ps --format {form} {colour}").strip()

    def serving(self) -> str:
        """Return the colour that gets all of some views."""
        begin = datetime.now(timezone.utc)
        for _ in range(20):
            self._stack.view()
        wait_until(lambda: len(self.logged(begin)) >= 20, "lines in the log")
        (backend,) = {line.backend for line in self.logged(begin)[-20:]}
        return backend

    def logged(self, begin: datetime) -> list[Logged]:
        """Return the requests that the gateway has logged since begin."""
        container = self._stack.container("gateway-service").id
        log = _output("docker", "logs", "--since", begin.isoformat(), container)
        requests = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        return [
            Logged(each["backend"], each["status"], datetime.fromisoformat(each["time"]))
            for each in requests
        ]

    def history(self) -> list[dict[str, str]]:
        """Return the lines of the history."""
        text = Path(".cache/deploy/history.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def viewed(url: str, pause: float) -> Iterator[Views]:
    """View the page continuously until the context ends; yield what came of it so far.

    Visitors keep their connections, and wait for pause seconds after each view.
    """
    stop, views, address = Event(), Views(), urlsplit(url)

    def view_again_and_again() -> None:
        while not stop.is_set():
            with closing(HTTPConnection(str(address.hostname), address.port, timeout=5)) as client:
                try:
                    while not stop.is_set():
                        _view(client, views)
                        stop.wait(pause)
                except (OSError, HTTPException) as error:
                    views.failed.append(repr(error))

    with ThreadPoolExecutor(VIEWERS) as threads:
        visitors = [threads.submit(view_again_and_again) for _ in range(VIEWERS)]
        try:
            wait_until(lambda: len(views.numbers) > 2 * VIEWERS, "views")
            yield views
        finally:
            stop.set()
    for visitor in visitors:
        visitor.result()


def _view(client: HTTPConnection, views: Views) -> None:
    client.request("GET", "/")
    answer = client.getresponse()
    text = answer.read().decode()
    if answer.status == 200:
        views.numbers.append(number_of_view(text))
    else:
        views.failed.append(f"{answer.status} {text}")


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
