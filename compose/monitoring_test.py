"""Tests of the profile "monitoring": what is measured, who is told, and who can look."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from python_on_whales import DockerClient
from python_on_whales.exceptions import DockerException

from compose.testing import COMPOSE_FILE, Stack, published
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(300)  # images may be made first

MAKE_IMAGES = "build_support/monitoring/make_images.sh"
MONITORING = Path("compose/monitoring")
SERVICES = ("prometheus", "alertmanager", "redis-exporter", "node-exporter")
JOBS = {"web", "dashboard", "gateway", "redis", "machine"}
PORTS = {"prometheus": 9090, "alertmanager": 9093}

WAIT_SECONDS = 60

# Prints whether a program of Prometheus answers at an address.
ASK = """
import sys
from urllib.request import ProxyHandler, build_opener
try:
    url = f"http://{sys.argv[1]}:{sys.argv[2]}/metrics"
    print(b"_build_info{" in build_opener(ProxyHandler({})).open(url, timeout=2).read())
except OSError:
    print(False)
"""

# The settings of the tests, where everything happens within seconds.
OVERRIDE = """
configs:
  prometheus-config: {{file: "{0}/prometheus.yml"}}
  prometheus-rules: {{file: "{0}/rules.yml"}}
  alertmanager-config: {{file: "{0}/alertmanager-webhook.yml"}}
"""


@pytest.fixture(scope="module", name="webhook_file")
def _webhook_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the file that names the webhook, which the stack is told."""
    file = tmp_path_factory.mktemp("webhook") / "address"
    file.write_text("http://192.0.2.1/", "utf-8")
    file.chmod(0o444 | 0o200)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ALERT_WEBHOOK_FILE", str(file))
        yield file


@pytest.fixture(scope="module", name="override")
def _override(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Compose file with shorter times."""
    directory = tmp_path_factory.mktemp("monitoring")
    for name in ("prometheus.yml", "rules.yml", "alertmanager-webhook.yml"):
        text = (MONITORING / name).read_text("utf-8")
        text = re.sub(r"(_interval|for): (15s|\d+m)", r"\1: 1s", text)
        (directory / name).write_text(text.replace("group_wait: 10s", "group_wait: 1s"), "utf-8")
    file = directory / "compose.yaml"
    file.write_text(OVERRIDE.format(directory), "utf-8")
    return file


@pytest.fixture(name="prometheus")
def _prometheus(stack: Stack, webhook_file: Path, override: Path) -> "Prometheus":
    """Return the Prometheus of the stack, which runs with all that belongs to it."""
    assert webhook_file.exists()
    subprocess.run([MAKE_IMAGES], check=True)
    started = Prometheus(stack, override)
    started.up()
    return started


class Prometheus:
    """The Prometheus of a stack."""

    def __init__(self, stack: Stack, override: Path) -> None:
        self.stack = stack
        self.docker = DockerClient(
            compose_files=[COMPOSE_FILE, override],
            compose_profiles=["monitoring"],
            compose_project_name=stack.project,
        )

    def up(self) -> None:
        """Start what is not running; wait until everything is healthy."""
        self.docker.compose.up(list(SERVICES), wait=True, quiet=True)

    def ask(self, path: str) -> Any:
        """Return the data of an answer of its HTTP API."""
        url = f"http://127.0.0.1:9090/api/v1/{path}"
        (container,) = self.docker.compose.ps(["prometheus"])
        return json.loads(str(container.execute(["wget", "-q", "-O", "-", url])))["data"]

    def targets(self) -> dict[str, set[str]]:
        """Return the health of the targets of each job, such as {"web": {"up"}}."""
        found: dict[str, set[str]] = {}
        for target in self.ask("targets?state=active")["activeTargets"]:
            found.setdefault(target["labels"]["job"], set()).add(target["health"])
        return found


@contextmanager
def webhook(address: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Listen at an address of this machine; yield the URL, and the messages that have come."""
    messages: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        """Keeps the messages."""

        def do_POST(self) -> None:  # pylint: disable=invalid-name  # the base class calls it
            """Take a message."""
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # pylint: disable=arguments-differ
            """Log nothing."""

    with HTTPServer((address, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}/", messages
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module", name="operator")
def _operator(running_stack: Stack, webhook_file: Path) -> requests.Session:
    """Return somebody who has made the first account of the dashboard, by the link in its log."""
    assert webhook_file.exists()
    if not running_stack.is_healthy():
        running_stack.up()
    log = running_stack.command("logs --no-log-prefix dashboard-service")
    (path,) = set(re.findall(r"/dashboard/first-account\?token=\S+", log))
    session = requests.Session()
    form = dict(
        re.findall(r'name="(\w+)" value="([^"]*)"', session.get(running_stack.url(path)).text)
    )
    chosen = {name: "some words for a test" for name in ("new_password", "repeated_password")}
    answer = session.post(
        running_stack.url("/dashboard/first-account"), {**form, "name": "ada", **chosen}
    )
    assert answer.ok, answer.text
    return session


def operations(stack: Stack, operator: requests.Session) -> str:
    """Return the page of operations, or "" if there is none within a second."""
    begin = time.monotonic()
    answer = operator.get(stack.url("/dashboard/operations"), timeout=10)
    return answer.text if answer.ok and time.monotonic() < begin + 1 else ""


def test_should_say_that_nothing_is_measured_while_the_profile_is_off(
    stack: Stack, operator: requests.Session
) -> None:
    # Given
    stack.command("--profile monitoring rm --stop --force prometheus")

    # Then: within a second, unless the machine is busy with something else just then
    sentence = "Prometheus cannot be reached at http://prometheus:9090."
    wait_until(lambda: sentence in operations(stack, operator), "the sentence", WAIT_SECONDS)


def test_should_measure_everything_that_alerts_ask_for(prometheus: Prometheus) -> None:
    # When
    wait_until(
        lambda: prometheus.targets() == {job: {"up"} for job in JOBS}, "targets", WAIT_SECONDS
    )

    # Then
    rules = (MONITORING / "rules.yml").read_text("utf-8")
    named = set(re.findall(r"\b(?:redis|node|haproxy)_\w+", rules))
    absent = {"redis_master_link_up", "redis_master_last_io_seconds_ago"}  # no replica
    named -= absent | {"redis_exporter"}  # a program
    wait_until(
        lambda: named <= set(prometheus.ask("label/__name__/values")),
        "metrics",
        WAIT_SECONDS,
    )
    (disk,) = prometheus.ask("query?query=node_filesystem_size_bytes")["result"]
    assert disk["metric"]["mountpoint"] == "/data"


def test_should_tell_about_a_service_that_hangs(
    prometheus: Prometheus, operator: requests.Session, webhook_file: Path
) -> None:
    # Given
    stack = prometheus.stack
    (alertmanager,) = prometheus.docker.compose.ps(["alertmanager"])
    networks = alertmanager.network_settings.networks or {}
    gateway = str(networks[f"{stack.project}_alert-network"].gateway)
    with webhook(gateway) as (url, messages):
        webhook_file.write_text(f"{url}\n", "utf-8")

        # When
        with stack.paused("web-service"):

            # Then
            def told(status: str) -> bool:
                alerts = [alert for message in messages for alert in message["alerts"]]
                return any(
                    alert["status"] == status
                    and alert["labels"]["alertname"] == "ServiceDown"
                    and alert["labels"]["job"] == "web"
                    for alert in alerts
                )

            wait_until(lambda: told("firing"), "a message of the alert", WAIT_SECONDS)
            wait_until(
                lambda: "ServiceDown" in operations(stack, operator), "the alert", WAIT_SECONDS
            )

        # Then
        wait_until(lambda: told("resolved"), "a message that it has ended", WAIT_SECONDS)


def test_should_let_nobody_outside_reach_it(prometheus: Prometheus) -> None:
    stack = prometheus.stack
    for service, port in PORTS.items():
        # Given
        (container,) = prometheus.docker.compose.ps([service])
        networks = container.network_settings.networks or {}
        backend = f"{stack.project}_backend-network"

        # Then
        assert not published(container, port)
        for name, reachable in {backend: True, "bridge": False, "host": False}.items():
            said = stack.docker.run(
                stack.container("web-service").image,
                ["-c", ASK, str(networks[backend].ip_address), str(port)],
                entrypoint="/app/bin/python",
                networks=[name],
                remove=True,
            )
            assert said == str(reachable), (service, name)


def test_should_give_its_processes_no_rights(prometheus: Prometheus) -> None:
    for service in SERVICES:
        # When
        (container,) = prometheus.docker.compose.ps([service])
        status = str(container.execute(["cat", "/proc/1/status"]))

        # Then
        fields = dict(re.findall(r"(\w+):\t(.*)", status))
        assert fields["Uid"].split("\t")[0] == "65534", service
        assert int(fields["CapBnd"], 16) == 0, service
        assert fields["NoNewPrivs"] == "1", service
        with pytest.raises(DockerException, match="Read-only file system"):
            container.execute(["touch", "/file"], user="0")
