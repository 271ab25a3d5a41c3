"""Tests of the stack in real containers when a part of it fails."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from python_on_whales.exceptions import DockerException

from compose.testing import SORRY, VIEWERS, Stack
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(180)  # starting a stack takes long where others start too

NO_PROXY_THERE = "http://127.0.0.1:9"


@pytest.fixture(name="useless_proxy")
def _useless_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the Docker client to give every container a proxy that refuses connections."""
    configured = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    for path in configured.glob("*"):  # such as its plugins
        (tmp_path / path.name).symlink_to(path)
    file = tmp_path / "config.json"
    settings = json.loads(file.read_text()) if file.exists() else {}
    settings["proxies"] = {"default": {"httpProxy": NO_PROXY_THERE, "httpsProxy": NO_PROXY_THERE}}
    file.unlink(missing_ok=True)
    file.write_text(json.dumps(settings))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


@pytest.mark.usefixtures("useless_proxy")
def test_should_use_no_proxy_of_the_docker_client(running_stack: Stack) -> None:
    running_stack.down()
    output = running_stack.command("--profile testing run --rm test-service")
    environment = running_stack.container("web-service").config.env or []
    assert f"HTTP_PROXY={NO_PROXY_THERE}" in environment
    assert running_stack.is_healthy()
    assert " passed" in output


def test_should_lose_no_view_when_redis_is_killed(stack: Stack) -> None:
    with stack.viewed() as views:
        stack.docker.compose.kill(["redis-service"])
    stack.docker.compose.start(["redis-service"])
    stack.wait_until_ready()
    assert stack.view() > max(views.numbers)


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
    stack.docker.compose.stop(["redis-service"])
    page = requests.get(stack.url(), timeout=5)
    stack.docker.compose.start(["redis-service"])
    stack.wait_until_ready()
    assert (page.status_code, page.text) == (500, SORRY)
    assert page.elapsed.total_seconds() < 1


def test_should_answer_every_request_that_it_accepted_before_it_stops(stack: Stack) -> None:
    # Given
    url = stack.url()
    earlier = failed_calls(stack)
    with ThreadPoolExecutor(VIEWERS) as viewers, stack.paused("redis-service"):
        answers = [viewers.submit(requests.get, url, timeout=5) for _ in range(VIEWERS)]
        wait_until(lambda: failed_calls(stack) > earlier, "requests that try again")

        # When
        stack.docker.compose.stop(["web-service"])

    # Then
    assert [answer.result().text for answer in answers] == [SORRY] * VIEWERS


def test_should_say_in_one_line_what_its_end_to_end_tests_lack(stack: Stack) -> None:
    with pytest.raises(DockerException) as failure:
        stack.run_end_to_end_tests(FLASK_URL="")
    assert "ERROR: name the deployment: --flask-url http://host[:port], or FLASK_URL" in str(
        failure.value
    )


def test_should_fail_its_end_to_end_tests_while_the_web_service_is_paused(stack: Stack) -> None:
    with stack.paused("web-service"), pytest.raises(DockerException) as failure:
        stack.run_end_to_end_tests()

    assert "http://gateway-service:8000 is not ready after 5 s" in str(failure.value)


def failed_calls(stack: Stack) -> int:
    """Return how many calls of the web service to Redis have failed."""
    return str(stack.docker.compose.logs(["web-service"])).count("a call to Redis failed for")
