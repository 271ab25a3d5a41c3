"""A stack of its own for the tests, and what they do to it."""

import re
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
import requests
from python_on_whales import Container, DockerClient
from python_on_whales.exceptions import DockerException

COMPOSE_FILE = Path("compose/compose.yaml")
DEBUG_FILE = Path("compose/compose.debug.yaml")

DEADLINE_SECONDS = 15
"""For whatever is waited for."""

VIEWERS = 8


class Stack:
    """A project of Docker Compose, with ports that are free and volumes that are its own."""

    def __init__(self) -> None:
        project = f"page-tracker-test-{uuid4().hex[:8]}"
        self.docker = DockerClient(compose_files=[COMPOSE_FILE], compose_project_name=project)
        self.debugged = DockerClient(
            compose_files=[COMPOSE_FILE, DEBUG_FILE], compose_project_name=project
        )

    def up(self, web_services: int = 1) -> None:
        """Start what does not run; return when all is healthy."""
        scales = {"web-service": web_services}
        self.docker.compose.up(detach=True, wait=True, scales=scales, quiet=True)

    def down(self, *, volumes: bool = False) -> None:
        """Remove containers and networks; the data only with volumes."""
        self.docker.compose.down(volumes=volumes, remove_orphans=True, quiet=True)

    def containers(self, service: str) -> list[Container]:
        """The containers of a service."""
        return self.docker.compose.ps([service])

    def container(self, service: str) -> Container:
        """The one container of a service."""
        (container,) = self.containers(service)
        return container

    def url(self, path: str = "/") -> str:
        """Where the web service is reached from here."""
        _, port = self.docker.compose.port("web-service", 8000)
        return f"http://127.0.0.1:{port}{path}"

    def view(self, url: str | None = None) -> int:
        """View the page and return the number of the view."""
        answer = requests.get(url or self.url(), timeout=5)
        assert answer.status_code == 200, answer.text
        return number(answer)

    def is_healthy(self, *services: str) -> bool:
        """Whether services, or else both, run in one container each and are healthy."""
        services = services or ("redis-service", "web-service")
        health = [container.state.health for container in self.docker.compose.ps(list(services))]
        return [state and state.status for state in health] == ["healthy"] * len(services)

    def wait_until_ready(self) -> None:
        """Wait until a view would be counted."""
        url = self.url("/readyz")

        def ready() -> bool:
            with suppress(requests.RequestException):
                return requests.get(url, timeout=1).ok
            return False

        wait_until(ready, url)

    def run_end_to_end_tests(self, **environment: str) -> str:
        """What they print; raise DockerException if they fail."""
        run = self.docker.compose.run(
            "test-service", envs=environment, dependencies=False, remove=True, tty=False
        )
        return str(run)

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """Freeze all processes of a service until the context ends, and see them recover."""
        self.docker.compose.pause([service])
        try:
            yield
        finally:
            self.docker.compose.unpause([service])
            # The engine calls it unhealthy until its next check.
            wait_until(lambda: self.is_healthy(service), f"{service} to be healthy")

    @contextmanager
    def viewed(self) -> Iterator[list[int]]:
        """View the page all the time until the context ends; yields the numbers that are shown."""
        url, stop = self.url(), Event()
        numbers: list[int] = []

        def view_again_and_again() -> None:
            while not stop.is_set():
                with suppress(requests.RequestException):  # what was not shown need not be kept
                    answer = requests.get(url, timeout=5)
                    if answer.ok:
                        numbers.append(number(answer))

        with ThreadPoolExecutor(VIEWERS) as threads:
            for _ in range(VIEWERS):
                threads.submit(view_again_and_again)
            try:
                wait_until(lambda: len(numbers) > 10 * VIEWERS, "views")
                yield numbers
            finally:
                stop.set()


def published(container: Container, port: int) -> list[tuple[str, str]]:
    """The addresses and ports of this machine that lead to a port of a container."""
    ports = container.network_settings.ports or {}
    return [(binding["HostIp"], binding["HostPort"]) for binding in ports.get(f"{port}/tcp") or []]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for what; fail after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_SECONDS} s in vain for {what}"
        time.sleep(0.05)


def number(answer: requests.Response) -> int:
    """The number that a page shows."""
    match = re.fullmatch(r"This page has been seen (\d+) times\.", answer.text)
    assert match, answer.text
    return int(match[1])


@pytest.fixture(scope="session", name="running_stack")
def _running_stack() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WEB_PORT", "0")
        environment.setenv("REDIS_PORT", "0")
        stack = Stack()
        try:
            yield stack
        finally:
            stack.down(volumes=True)


@pytest.fixture(name="stack")
def _stack(running_stack: Stack) -> Stack:
    """The stack of the session, running; its count is what earlier tests have left."""
    try:
        if not running_stack.is_healthy():
            running_stack.up()
    except DockerException:
        print(running_stack.docker.compose.logs())
        raise
    return running_stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a failed test show what its containers logged."""
    report = yield
    stack = item.funcargs.get("stack")
    if report.failed and isinstance(stack, Stack):
        report.sections.append(("logs of the containers", str(stack.docker.compose.logs())))
    return report
