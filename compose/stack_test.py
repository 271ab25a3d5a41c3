"""Tests of the stack in real containers in normal use."""

import re
import socket
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest
import requests
from python_on_whales.exceptions import DockerException

from compose.testing import Stack, published
from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.redis_access.connection import connect

pytestmark = pytest.mark.timeout(180)  # starting a stack takes long where others start too

SLOW_CLIENTS = 64

# Prints whether a Redis answers at an address, even if only to ask for a password.
ASK_REDIS = """
import redis, sys
try:
    print(redis.Redis(sys.argv[1], socket_timeout=2, socket_connect_timeout=2).ping())
except redis.RedisError as error:
    print(isinstance(error, redis.AuthenticationError))
"""


def test_should_be_tested_again_after_down(running_stack: Stack) -> None:
    running_stack.down()  # an earlier test may have left it unhealthy
    views = 0
    for web_services in (1, 2, 1):
        # When
        running_stack.command(f"up --detach --wait --scale web-service={web_services}")
        counted = running_stack.view()
        output = running_stack.command("--profile testing up --exit-code-from test-service")
        running_stack.command("down")

        # Then
        assert " passed" in output
        assert counted > views
        views = counted


def test_should_come_up_healthy_from_nothing(running_stack: Stack) -> None:
    running_stack.remove()
    running_stack.command("up --detach --wait")
    assert running_stack.is_healthy()
    assert running_stack.view() == 1


def test_should_keep_its_count_when_redis_is_removed_and_made_again(stack: Stack) -> None:
    views = stack.view()
    stack.docker.compose.rm(["redis-service"], stop=True)
    stack.up()
    assert stack.view() == views + 1


def test_should_let_nobody_outside_its_network_reach_redis(stack: Stack) -> None:
    # Given
    container = stack.container("redis-service")
    ((backend, network),) = (container.network_settings.networks or {}).items()
    web_image = stack.container("web-service").image

    # Then
    assert not published(container, 6379)
    for network_name, reachable in {backend: True, "bridge": False, "host": False}.items():
        said = stack.docker.run(
            web_image,
            ["-c", ASK_REDIS, str(network.ip_address)],
            entrypoint="/app/bin/python",
            networks=[network_name],
            remove=True,
        )
        assert said == str(reachable), network_name


def test_should_give_its_processes_no_rights(stack: Stack) -> None:
    for service in stack.services:
        # When
        container = stack.container(service)
        status = str(container.execute(["cat", "/proc/1/status"]))

        # Then
        fields = dict(re.findall(r"(\w+):\t(.*)", status))
        assert fields["Uid"].split("\t")[0] != "0", service
        assert int(fields["CapBnd"], 16) == 0, service
        assert fields["NoNewPrivs"] == "1", service
        with pytest.raises(DockerException, match="Read-only file system"):
            container.execute(["touch", "/file"], user="0")


def test_should_answer_everybody_while_others_are_slow(stack: Stack) -> None:
    # Given
    url = urlsplit(stack.url())
    address = (url.hostname, url.port or 0)
    web_service = stack.container("web-service")
    health_check = web_service.config.healthcheck
    assert health_check and health_check.test
    with ExitStack() as connections:
        slow = [
            connections.enter_context(socket.create_connection(address, timeout=5))
            for _ in range(SLOW_CLIENTS)
        ]

        # When
        for line in (b"GET / HTTP/1.1", b"Host: slow", b"X-Header: value"):
            for client in slow:
                client.sendall(line + b"\r\n")
            live = requests.get(stack.url("/livez"), timeout=1)
            view = requests.get(stack.url(), timeout=1)

            # Then
            assert (live.status_code, view.status_code) == (200, 200)
        web_service.execute(health_check.test[1:])


def test_should_run_on_when_it_has_been_tested(stack: Stack) -> None:
    views = stack.view()
    output = stack.command("--profile testing run --rm test-service")
    assert " passed" in output
    assert stack.is_healthy()
    assert stack.view() > views


def test_should_show_metrics_within_the_stack_only(stack: Stack) -> None:
    # Given
    stack.view()
    script = (
        "from urllib.request import urlopen; "
        "print(urlopen('http://web-service:9000/metrics', timeout=5).read().decode())"
    )

    # When
    outside = requests.get(stack.url("/metrics"), timeout=5)
    inside = stack.container("dashboard-service").execute(["/app/bin/python", "-c", script])

    # Then
    assert outside.status_code == 404
    assert 'http_request_duration_seconds_count{route="/",status="200"}' in str(inside)
    assert published(stack.container("web-service"), 9000) == []


def test_should_publish_redis_to_this_machine_only_for_debugging(stack: Stack) -> None:
    # When
    stack.debugged.compose.up(["redis-service"], wait=True, quiet=True)

    # Then
    ((address, port),) = published(stack.container("redis-service"), 6379)
    assert address == "127.0.0.1"
    views = stack.view()
    url = f"redis://test@127.0.0.1:{port}"
    with closing(connect(url, str(stack.secrets / "test-password"))) as client:
        assert client.get(PAGE_VIEWS_KEY) == str(views).encode()
    stack.docker.compose.up(["redis-service"], wait=True, quiet=True)
