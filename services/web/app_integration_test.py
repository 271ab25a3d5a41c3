"""Tests of the web service with a real Redis."""

import time

import pytest
import redis
from flask.testing import FlaskClient

from libs.processes.testing import paused
from libs.redis_access.embedded import EmbeddedRedis
from services.web.app import create_app


@pytest.fixture(name="http_client")
def _http_client(redis_client: redis.Redis) -> FlaskClient:
    """Return a client for the application with an empty Redis."""
    return create_app(redis_client).test_client()


@pytest.mark.timeout(1.5)
def test_should_count_a_page_view(http_client: FlaskClient, redis_client: redis.Redis) -> None:
    redis_client.set("page_views", 4)
    response = http_client.get("/")
    assert response.status_code == 200
    assert response.text == "This page has been seen 5 times."
    assert redis_client.get("page_views") == b"5"


def test_should_be_ready(http_client: FlaskClient) -> None:
    response = http_client.get("/readyz")
    assert (response.status_code, response.json) == (200, {"ready": True})


def test_should_count_only_the_page(http_client: FlaskClient, redis_client: redis.Redis) -> None:
    # When
    http_client.head("/")
    http_client.options("/")
    http_client.post("/")
    http_client.get("/unknown")
    http_client.get("/livez")
    http_client.get("/readyz")

    # Then
    assert redis_client.get("page_views") is None


def test_should_say_sorry_when_the_count_is_not_an_integer(
    http_client: FlaskClient, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis_client.set("page_views", "many")
    response = http_client.get("/")
    assert response.status_code == 500
    assert redis_client.get("page_views") == b"many"
    assert "not an integer" in caplog.text


def test_should_say_sorry_within_a_second_when_redis_hangs(
    http_client: FlaskClient, redis_server: EmbeddedRedis
) -> None:
    # Given
    with paused(redis_server.process.pid):
        # When
        start = time.monotonic()
        response = http_client.get("/")
        seconds = time.monotonic() - start

    # Then
    assert response.status_code == 500
    assert seconds < 1
    assert http_client.get("/").text == "This page has been seen 2 times."
