"""Options and fixtures for the deployment that the end-to-end tests run against."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import redis

from libs.page_views.testing import number_of_view
from tests_e2e.testing import (
    HTTP,
    TIMEOUT_SECONDS,
    check_flask_url,
    check_redis_url,
    connect_to_redis,
    wait_until_ready,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options that name the deployment; the environment sets their defaults."""
    group = parser.getgroup("deployment", "the deployment to test")
    group.addoption(
        "--flask-url",
        default=os.environ.get("FLASK_URL", ""),
        help="where its web service is, such as http://localhost (FLASK_URL)",
    )
    group.addoption(
        "--dashboard-url",
        default=os.environ.get("DASHBOARD_URL", ""),
        help="where its dashboard is, such as http://localhost; without it, the dashboard is"
        " not tested (DASHBOARD_URL)",
    )
    group.addoption(
        "--redis-url",
        default=os.environ.get("REDIS_URL", ""),
        help="where its Redis is, such as redis://localhost; without it, what is stored"
        " is not compared with what is shown (REDIS_URL, and its password in REDIS_PASSWORD_FILE)",
    )
    group.addoption(
        "--site",
        default=os.environ.get("SITE", ""),
        help="a public site that is registered there, to send views to; without it, views of sites"
        " are not tested (SITE)",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop with a one-line error unless the deployment is ready."""
    flask_url = session.config.getoption("flask_url")
    redis_url = session.config.getoption("redis_url")
    check_flask_url(flask_url)
    wait_until_ready(flask_url)
    if redis_url:
        check_redis_url(redis_url)


@pytest.fixture(name="flask_url")
def _flask_url(pytestconfig: pytest.Config) -> str:
    """Return the URL of the page without a trailing slash."""
    return str(pytestconfig.getoption("flask_url")).rstrip("/")


@pytest.fixture(name="dashboard_url")
def _dashboard_url(pytestconfig: pytest.Config) -> str:
    """Return the URL of the dashboard without a trailing slash."""
    url = str(pytestconfig.getoption("dashboard_url")).rstrip("/")
    if not url:
        pytest.skip("--dashboard-url does not say where the dashboard is")
    return url


@pytest.fixture(name="site")
def _site(pytestconfig: pytest.Config) -> str:
    """Return the name of a site for these tests."""
    site = str(pytestconfig.getoption("site"))
    if not site:
        pytest.skip("--site names no site to send views to")
    return site


@pytest.fixture(name="redis_client")
def _redis_client(pytestconfig: pytest.Config) -> Iterator[redis.Redis]:
    """Yield a client for the deployment's Redis."""
    url = pytestconfig.getoption("redis_url")
    if not url:
        pytest.skip("--redis-url does not say where the deployment's Redis is")
    with closing(connect_to_redis(url)) as client:
        yield client


@pytest.fixture(name="view_page")
def _view_page(flask_url: str) -> Callable[[], int]:
    """Return a function that views the page and returns the view's number."""

    def view_page() -> int:
        answer = HTTP.get(flask_url, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200, answer.text
        return number_of_view(answer.text)

    return view_page
