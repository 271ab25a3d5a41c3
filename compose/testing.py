"""Run and control a separate stack for tests."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import requests
from python_on_whales import Container, DockerClient

from libs.page_views.testing import number_of_view
from libs.processes.testing import wait_until

COMPOSE_FILE = Path("compose/compose.yaml")
DEBUG_FILE = Path("compose/compose.debug.yaml")
TLS_FILE = Path("compose/compose.tls.yaml")
MAKE_SECRETS = Path("build_support/containers/make_secrets.sh")

CHECK_SECONDS = 15
"""How long to wait for the next health check of a service, which may be 5 s away."""

VIEWERS = 8

SORRY = "Sorry, something went wrong 😔"
"""The text of the error page."""


@dataclass
class Views:
    """What became of views of the page."""

    numbers: list[int] = field(default_factory=list)
    """The numbers shown: of acknowledged views."""
    failed: list[str] = field(default_factory=list)
    """What visitors saw instead of the page."""


class Stack:
    """A Docker Compose project with its own volumes; its passwords are in secrets."""

    def __init__(self, secrets: Path) -> None:
        self.secrets = secrets
        self.project = project = f"page-tracker-test-{uuid4().hex[:8]}"
        self.docker = DockerClient(compose_files=[COMPOSE_FILE], compose_project_name=project)
        self.debugged, self.with_tls = (
            DockerClient(compose_files=[COMPOSE_FILE, file], compose_project_name=project)
            for file in (DEBUG_FILE, TLS_FILE)
        )

    @cached_property
    def services(self) -> list[str]:
        """Return the services of compose.yaml without a profile."""
        return list(self.docker.compose.config().services or {})

    def up(self, web_services: int = 1) -> None:
        """Start what is not running; wait until everything is healthy."""
        # A paused service counts as unhealthy until its next check, and Compose would give up.
        wait_until(lambda: "unhealthy" not in self.health(), "a check of health", CHECK_SECONDS)
        scales = {"web-service": web_services}
        self.docker.compose.up(detach=True, wait=True, scales=scales, quiet=True)

    def down(self) -> None:
        """Remove containers and networks; keep the data."""
        self.docker.compose.down(timeout=0, quiet=True)

    def remove(self) -> None:
        """Remove everything in all profiles, including the data."""
        self.command("--profile * down --volumes --timeout 0")

    def command(self, options: str) -> str:
        """Run `docker compose` with options as a user would; return its output."""
        run = self.run(options)
        output = (run.stderr + run.stdout).decode()
        assert run.returncode == 0, output
        return output

    def run(
        self, options: str, standard_input: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `docker compose` with options, whether it succeeds or not."""
        return subprocess.run(
            [*self.docker.client_config.docker_compose_cmd, *options.split()],
            check=False,
            env={**os.environ, **environment},
            input=standard_input,
            capture_output=True,
        )

    def answer(self, user: str, command: str) -> str:
        """Return what Redis answers to a command of a user."""
        run = self.run(f"exec -T redis-service redis-as {user}", command.encode())
        return run.stdout.decode()

    def containers(self, service: str) -> list[Container]:
        """Return the containers of a service."""
        return self.docker.compose.ps([service])

    def container(self, service: str) -> Container:
        """Return the one container of a service."""
        (container,) = self.containers(service)
        return container

    def url(self, path: str = "/") -> str:
        """Return the URL of a path at the gateway."""
        _, port = self.docker.compose.port("gateway-service", 8000)
        return f"http://127.0.0.1:{port}{path}"

    def view(self, url: str | None = None) -> int:
        """View the page and return the number of the view."""
        answer = requests.get(url or self.url(), timeout=5)
        assert answer.status_code == 200, answer.text
        return number_of_view(answer.text)

    def health(self) -> list[str]:
        """Return the health status of each container, "" if it has no health check."""
        states = [container.state for container in self.docker.compose.ps(self.services)]
        return [(state.health and state.health.status) or "" for state in states]

    def is_healthy(self) -> bool:
        """Return whether every service runs in one container and is healthy."""
        return self.health() == ["healthy"] * len(self.services)

    def wait_until_ready(self) -> None:
        """Wait until a view would be counted."""
        url = self.url("/readyz")

        def ready() -> bool:
            with suppress(requests.RequestException):
                return requests.get(url, timeout=1).ok
            return False

        wait_until(ready, url)

    def run_end_to_end_tests(self, **environment: str) -> str:
        """Run the end-to-end tests; return their output. Raises DockerException if they fail."""
        run = self.docker.compose.run(
            "test-service", envs=environment, dependencies=False, remove=True, tty=False
        )
        return str(run)

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """Freeze all processes of a service until the context ends."""
        self.docker.compose.pause([service])
        try:
            yield
        finally:
            self.docker.compose.unpause([service])

    @contextmanager
    def viewed(self) -> Iterator[Views]:
        """View the page continuously until the context ends; yield what came of it so far."""
        stop, views, url = Event(), Views(), self.url()

        def view_again_and_again() -> None:
            while not stop.is_set():
                try:
                    answer = requests.get(url, timeout=5)
                except requests.RequestException as error:
                    views.failed.append(str(error))
                    continue
                if answer.ok:
                    views.numbers.append(number_of_view(answer.text))
                else:
                    views.failed.append(answer.text)

        with ThreadPoolExecutor(VIEWERS) as threads:
            for _ in range(VIEWERS):
                threads.submit(view_again_and_again)
            try:
                wait_until(lambda: len(views.numbers) > 10 * VIEWERS, "views")
                yield views
            finally:
                stop.set()

    def access_log(self) -> list[dict[str, Any]]:
        """Return the requests among the last lines of the gateway's log."""
        log = self.command("logs --no-log-prefix --tail 40 gateway-service")
        return [json.loads(line) for line in re.findall(r"\{.*\}", log)]

    @property
    def network(self) -> str:
        """Return the name of the network where the gateway reaches the services."""
        return f"{self.project}_frontend-network"

    @property
    def client_address(self) -> str:
        """Return the address of this machine that the gateway sees."""
        networks = self.container("gateway-service").network_settings.networks or {}
        return str(networks[self.network].gateway)


def published(container: Container, port: int) -> list[tuple[str, str]]:
    """Return the addresses and ports of this machine that publish a port of a container."""
    ports = container.network_settings.ports or {}
    return [(binding["HostIp"], binding["HostPort"]) for binding in ports.get(f"{port}/tcp") or []]
