"""The deployment that the end-to-end tests run against, and how they view its page."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import redis
import requests

from libs.redis_access.connection import connect

READY_SECONDS = 5
"""How long a deployment may take to be ready."""

TIMEOUT_SECONDS = 5
"""For each answer over HTTP."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller name the deployment, in the environment or on the command line."""
    group = parser.getgroup("deployment", "the deployment to test")
    group.addoption(
        "--flask-url",
        default=os.environ.get("FLASK_URL", ""),
        help="where its web service is, such as http://localhost (FLASK_URL)",
    )
    group.addoption(
        "--redis-url",
        default=os.environ.get("REDIS_URL", ""),
        help="where its Redis is, such as redis://localhost; without it, what is stored"
        " is not compared with what is shown (REDIS_URL)",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop with one line unless the deployment is there and ready."""
    flask_url = session.config.getoption("flask_url")
    redis_url = session.config.getoption("redis_url")
    _check_flask_url(flask_url)
    _wait_until_ready(flask_url)
    if redis_url:
        _check_redis_url(redis_url)


@pytest.fixture(name="flask_url")
def _flask_url(pytestconfig: pytest.Config) -> str:
    """The URL of the page, without a slash at its end."""
    return str(pytestconfig.getoption("flask_url")).rstrip("/")


@pytest.fixture(name="redis_client")
def _redis_client(pytestconfig: pytest.Config) -> Iterator[redis.Redis]:
    """A client of the deployment's Redis."""
    url = pytestconfig.getoption("redis_url")
    if not url:
        pytest.skip("--redis-url does not say where the deployment's Redis is")
    with closing(connect(url)) as client:
        yield client


@pytest.fixture(name="view_page")
def _view_page(flask_url: str) -> Callable[[], int]:
    """A function that views the page and returns the number of its view."""

    def view_page() -> int:
        answer = requests.get(flask_url, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200, answer.text
        match = re.fullmatch(r"This page has been seen (\d+) times\.", answer.text)
        assert match, answer.text
        return int(match[1])

    return view_page


def _check_flask_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not url:
        raise pytest.UsageError("name the deployment: --flask-url http://host[:port], or FLASK_URL")
    if not usable:
        raise pytest.UsageError(f"--flask-url or FLASK_URL: {url} is not http://host[:port]")


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while problem := _why_not_ready(url):
        if time.monotonic() > deadline:
            raise pytest.UsageError(f"{url} is not ready after {READY_SECONDS} s: {problem}")
        time.sleep(0.1)


def _why_not_ready(url: str) -> str:
    try:
        answer = requests.get(f"{url.rstrip('/')}/readyz", timeout=1)
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"
    return "" if answer.ok else f"status {answer.status_code} {' '.join(answer.text.split())[:100]}"


def _check_redis_url(url: str) -> None:
    try:
        with closing(connect(url)) as client:
            client.ping()
    except ValueError as error:
        raise pytest.UsageError(f"--redis-url or REDIS_URL: {error}") from error
    except redis.RedisError as error:
        raise pytest.UsageError(f"--redis-url or REDIS_URL: no Redis there: {error}") from error
