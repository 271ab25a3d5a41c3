"""Tests that the gateway uses all replicas, and repeats only what it has never sent."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from python_on_whales import Container

from compose.testing import SORRY, VIEWERS, Stack
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(180)  # starting a stack takes long where others start too


# Is ready, and says which views it takes, but never answers them.
UNRELIABLE_SERVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/":
            print("taken", flush=True)
            self.close_connection = True
        else:
            self.send_response(200)
            self.end_headers()

ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@pytest.fixture(name="replicas")
def _replicas(running_stack: Stack) -> list[Container]:
    """Return three web services that the gateway knows."""
    running_stack.up(web_services=3)
    wait_until(lambda: len(servers(running_stack)) == 3, "three replicas that are used")
    return running_stack.containers("web-service")


def servers(stack: Stack) -> set[str]:
    """View the page some times; return the servers that the gateway has asked."""
    for _ in range(6):
        stack.view()
    return {line["server"] for line in stack.access_log()[-6:]}


@pytest.mark.usefixtures("replicas")
def test_should_keep_one_total_over_all_replicas(running_stack: Stack) -> None:
    first = running_stack.view()
    numbers = [running_stack.view() for _ in range(12)]
    assert numbers == list(range(first + 1, first + 13))
    wait_until(lambda: len(servers(running_stack)) == 3, "requests to three servers")


@pytest.mark.parametrize("end", ["kill", "restart"])
def test_should_lose_no_view_when_a_replica_ends(
    running_stack: Stack, replicas: list[Container], end: str
) -> None:
    # Given
    first = running_stack.view()
    with running_stack.viewed() as views:
        # When
        getattr(replicas[0], end)()
        shown = len(views.numbers)
        wait_until(lambda: len(views.numbers) > shown + 100, "views by the other replicas")
    last = running_stack.view()

    # Then
    acknowledged = len(views.numbers)
    assert len(set(views.numbers)) == acknowledged
    assert first < min(views.numbers)
    assert len(views.failed) <= VIEWERS  # only what it had in its hands
    assert first + acknowledged < last <= first + acknowledged + len(views.failed) + 1


def test_should_not_repeat_a_request_that_was_sent(stack: Stack) -> None:
    # Given
    unreliable = stack.docker.run(
        stack.container("web-service").image,
        ["-c", UNRELIABLE_SERVER],
        entrypoint="/app/bin/python",
        networks=[stack.network],
        network_aliases=["web-service"],
        detach=True,
    )
    with unreliable:
        wait_until(lambda: status(stack) == 502, "a request to it")
        taken = taken_by(unreliable)

        # When
        with ThreadPoolExecutor(VIEWERS) as viewers:
            statuses = list(viewers.map(lambda _: status(stack), range(40)))

        # Then
        assert taken_by(unreliable) - taken == statuses.count(502) > 0
        # With 500, the other server says that Redis was slow, as it may be on a busy machine.
        assert {200, 502} <= set(statuses) <= {200, 500, 502}
    wait_until(lambda: all(status(stack) == 200 for _ in range(5)), "the end of that server")


def status(stack: Stack) -> int:
    """View the page; return the status of the answer."""
    return requests.get(stack.url(), timeout=5).status_code


def taken_by(unreliable: Container) -> int:
    """Return how many views an unreliable server has taken."""
    return str(unreliable.logs()).count("taken")


def test_should_ask_a_service_that_is_not_ready_if_none_is(stack: Stack) -> None:
    def asked_lately() -> str:
        requests.get(stack.url("/readyz"), timeout=5)
        return str(stack.access_log()[-1]["backend"])

    with stack.paused("redis-service"):
        wait_until(lambda: asked_lately() == "web-service-live", "checks of readiness")
        page = requests.get(stack.url(), timeout=5)
        dashboard = requests.get(stack.url("/dashboard/"), timeout=5)
    wait_until(lambda: asked_lately() == "web-service", "checks of readiness")
    assert (page.status_code, page.text) == (500, SORRY)
    assert "Redis" in dashboard.text
