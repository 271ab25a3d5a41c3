"""What the stack of compose.yaml does, in real containers, when it is used and when it breaks."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import redis
import requests
from python_on_whales.exceptions import DockerException

from compose.conftest import VIEWERS, Stack, published, wait_until

SORRY = "Sorry, something went wrong 😔"

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
    health = {service: stack.health(service) for service in ("redis-service", "web-service")}
    assert health == {"redis-service": "healthy", "web-service": "healthy"}
    assert stack.view() == 1


def test_should_keep_its_count_when_it_is_removed_and_made_again(stack: Stack) -> None:
    # Given
    views = stack.view()

    # When
    stack.down()
    stack.up()

    # Then
    assert stack.view() == views + 1


def test_should_lose_no_view_when_redis_is_killed(stack: Stack) -> None:
    # When
    with stack.viewed() as numbers:
        stack.docker.compose.kill(["redis-service"])
    stack.docker.compose.start(["redis-service"])
    stack.wait_until_ready()

    # Then
    assert stack.view() > max(numbers)


def test_should_be_sorry_within_a_second_while_redis_is_paused(stack: Stack) -> None:
    # Given
    started = stack.container("web-service").state.started_at

    # When
    with stack.paused("redis-service"):
        page = requests.get(stack.url(), timeout=5)
        ready = requests.get(stack.url("/readyz"), timeout=5)
        live = requests.get(stack.url("/livez"), timeout=5)
    stack.wait_until_ready()

    # Then
    assert (page.status_code, page.text) == (500, SORRY)
    assert page.elapsed.total_seconds() < 1
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "reason": "Redis does not answer in time"}
    assert live.status_code == 200
    assert stack.view() > 0
    assert stack.container("web-service").state.started_at == started


def test_should_be_sorry_within_a_second_while_redis_is_stopped(stack: Stack) -> None:
    # Given
    stack.docker.compose.stop(["redis-service"])

    # When
    page = requests.get(stack.url(), timeout=5)

    # Then
    stack.docker.compose.start(["redis-service"])
    stack.wait_until_ready()
    assert (page.status_code, page.text) == (500, SORRY)
    assert page.elapsed.total_seconds() < 1


def test_should_fail_its_end_to_end_tests_only_while_the_web_service_is_paused(
    stack: Stack,
) -> None:
    # When
    with stack.paused("web-service"):
        with pytest.raises(DockerException) as failure:
            run_end_to_end_tests(stack)

    # Then
    assert "http://web-service:8000 is not ready after 10 s" in str(failure.value)
    assert " passed" in run_end_to_end_tests(stack)


def test_should_answer_every_request_that_it_accepted_before_it_stops(stack: Stack) -> None:
    # Given
    url = stack.url()
    earlier = slow_requests(stack)
    with ThreadPoolExecutor(VIEWERS) as viewers, stack.paused("redis-service"):
        answers = [viewers.submit(requests.get, url, timeout=5) for _ in range(VIEWERS)]
        wait_until(lambda: slow_requests(stack) == earlier + VIEWERS, "requests to be under way")

        # When
        stack.docker.compose.stop(["web-service"])

    # Then
    assert [answer.result().text for answer in answers] == [SORRY] * VIEWERS


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


def test_should_say_in_one_line_what_its_end_to_end_tests_lack(stack: Stack) -> None:
    # When
    with pytest.raises(DockerException) as failure:
        run_end_to_end_tests(stack, FLASK_URL="")

    # Then
    assert "ERROR: name the deployment: --flask-url http://host[:port], or FLASK_URL" in str(
        failure.value
    )


def slow_requests(stack: Stack) -> int:
    """How many requests have waited for Redis in vain, and wait again."""
    return str(stack.docker.compose.logs(["web-service"])).count("Redis failed at attempt 1,")


def run_end_to_end_tests(stack: Stack, **environment: str) -> str:
    """What they print; raise DockerException if they fail."""
    run = stack.docker.compose.run(
        "test-service", envs=environment, dependencies=False, remove=True, tty=False
    )
    return str(run)
