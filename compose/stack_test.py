"""What the stack of compose.yaml does, in real containers, when it is used."""

import re
from contextlib import closing

import pytest
import redis
from python_on_whales.exceptions import DockerException

from compose.conftest import Stack, published

# A program that says whether a Redis answers at an address.
ASK_REDIS = """
import redis, sys
try:
    print(redis.Redis(sys.argv[1], socket_timeout=2, socket_connect_timeout=2).ping())
except redis.RedisError:
    print(False)
"""


def test_should_come_up_healthy_from_nothing(stack: Stack) -> None:
    # Given
    stack.down(volumes=True)

    # When
    stack.up()

    # Then
    assert stack.is_healthy()
    assert stack.view() == 1


def test_should_keep_its_count_when_it_is_removed_and_made_again(stack: Stack) -> None:
    # Given
    views = stack.view()

    # When
    stack.down()
    stack.up()

    # Then
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


@pytest.mark.parametrize("service", ["redis-service", "web-service"])
def test_should_give_its_processes_no_rights(stack: Stack, service: str) -> None:
    # When
    container = stack.container(service)
    status = str(container.execute(["cat", "/proc/1/status"]))

    # Then
    fields = dict(re.findall(r"(\w+):\t(.*)", status))
    assert fields["Uid"].split("\t")[0] != "0"
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    with pytest.raises(DockerException, match="Read-only file system"):
        container.execute(["touch", "/file"], user="0")


def test_should_keep_one_total_over_several_web_services(stack: Stack) -> None:
    # When
    stack.up(web_services=3)

    # Then
    ports = [published(container, 8000)[0][1] for container in stack.containers("web-service")]
    first = stack.view()
    views = [stack.view(f"http://127.0.0.1:{port}") for port in ports]
    assert views == [first + 1, first + 2, first + 3]


def test_should_publish_redis_to_this_machine_only_for_debugging(stack: Stack) -> None:
    # When
    stack.debugged.compose.up(detach=True, wait=True, quiet=True)

    # Then
    ((address, port),) = published(stack.container("redis-service"), 6379)
    assert address == "127.0.0.1"
    views = stack.view()
    with closing(redis.Redis(port=int(port))) as client:
        assert client.get("page_views") == str(views).encode()
    stack.down()


def test_should_say_in_one_line_what_its_end_to_end_tests_lack(stack: Stack) -> None:
    # When
    with pytest.raises(DockerException) as failure:
        stack.run_end_to_end_tests(FLASK_URL="")

    # Then
    assert "ERROR: name the deployment: --flask-url http://host[:port], or FLASK_URL" in str(
        failure.value
    )
