"""What the stack of compose.yaml does, in real containers, when part of it breaks."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from python_on_whales.exceptions import DockerException

from compose.conftest import VIEWERS, Stack, wait_until

SORRY = "Sorry, something went wrong 😔"


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


def test_should_fail_its_end_to_end_tests_only_while_the_web_service_is_paused(
    stack: Stack,
) -> None:
    # When
    with stack.paused("web-service"):
        with pytest.raises(DockerException) as failure:
            stack.run_end_to_end_tests()

    # Then
    assert "http://web-service:8000 is not ready after 5 s" in str(failure.value)
    assert " passed" in stack.run_end_to_end_tests()


def slow_requests(stack: Stack) -> int:
    """How many requests have waited for Redis in vain, and wait again."""
    return str(stack.docker.compose.logs(["web-service"])).count("Redis failed at attempt 1,")
