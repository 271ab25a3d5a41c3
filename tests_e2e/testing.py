"""Reach the deployment from end-to-end tests, and check that it is ready."""

import os
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import redis
import requests

from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.redis_access.connection import PASSWORD_FILE_VARIABLE, connect

READY_SECONDS = 5
"""How long a deployment may take to become ready."""

TIMEOUT_SECONDS = 5
"""The limit for each HTTP answer."""

HTTP = requests.Session()
"""A session that uses a new connection for each request, like a new visitor, and no proxy."""
HTTP.headers["Connection"] = "close"
# Proxies of Docker's configuration or the shell are for hosts outside the network.
HTTP.trust_env = False


BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
"""The headers of a request that is taken for a person's."""


def check_flask_url(url: str) -> None:
    """Raise pytest.UsageError unless url is a valid http or https URL with a host."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not url:
        raise pytest.UsageError("name the deployment: --flask-url http://host[:port], or FLASK_URL")
    if not usable:
        raise pytest.UsageError(f"--flask-url or FLASK_URL: {url} is not http://host[:port]")


def wait_until_ready(url: str) -> None:
    """Wait until the service at url is ready; raise pytest.UsageError after 5 s."""
    deadline = time.monotonic() + READY_SECONDS
    while problem := _why_not_ready(url):
        if time.monotonic() > deadline:
            raise pytest.UsageError(f"{url} is not ready after {READY_SECONDS} s: {problem}")
        time.sleep(0.1)


def _why_not_ready(url: str) -> str:
    """Return the problem in one line, or "" if there is none."""
    try:
        answer = HTTP.get(f"{url.rstrip('/')}/readyz", timeout=1)
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"
    return "" if answer.ok else f"status {answer.status_code} {' '.join(answer.text.split())[:100]}"


def send(flask_url: str, site: str, path: str, nonce: str) -> requests.Response:
    """Send a view as a program does."""
    view = {"site": site, "path": path, "referrer": "https://other.example/x", "nonce": nonce}
    url = f"{flask_url}/api/v1/views"
    return HTTP.post(url, json=view, headers=BROWSER, timeout=TIMEOUT_SECONDS)


def connect_to_redis(url: str) -> redis.Redis:
    """Return a client for url, with the password in the file at REDIS_PASSWORD_FILE if it is set.

    Raises ValueError if one of them is invalid.
    """
    return connect(url, os.environ.get(PASSWORD_FILE_VARIABLE), PAGE_VIEWS_KEY)


def check_redis_url(url: str) -> None:
    """Raise pytest.UsageError unless the tests may read the number of views at url."""
    try:
        with closing(connect_to_redis(url)) as client:
            client.get(PAGE_VIEWS_KEY)
    except ValueError as error:
        raise pytest.UsageError(f"--redis-url or REDIS_URL: {error}") from error
    except redis.RedisError as error:
        raise pytest.UsageError(f"--redis-url or REDIS_URL: cannot read there: {error}") from error
