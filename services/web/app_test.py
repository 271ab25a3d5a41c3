"""Tests of the web service without Redis."""

import logging

import pytest
from flask.testing import FlaskClient

from libs.redis_access.connection import connect
from libs.redis_access.urls import RedisSettingError
from services.web.app import create_app


@pytest.fixture(name="http_client")
def _http_client() -> FlaskClient:
    """Return a client for the application with a Redis that refuses every connection."""
    return create_app(connect("redis://127.0.0.1:1")).test_client()


def test_should_say_sorry_when_redis_fails(
    http_client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    # When
    response = http_client.get("/")

    # Then
    assert response.status_code == 500
    assert response.text == "Sorry, something went wrong \N{PENSIVE FACE}"
    assert response.content_type == "text/plain; charset=utf-8"
    logged = caplog.records[-1]
    assert logged.levelno == logging.ERROR
    assert "refused" in caplog.text


def test_should_answer_head_without_redis(http_client: FlaskClient) -> None:
    response = http_client.head("/")
    assert response.status_code == 200
    assert response.content_type == "text/plain; charset=utf-8"


def test_should_not_be_ready_without_redis(http_client: FlaskClient) -> None:
    response = http_client.get("/readyz")
    assert response.status_code == 503
    assert response.json == {"ready": False, "reason": "Redis cannot be reached"}


def test_should_not_start_with_a_malformed_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "http://localhost")
    with pytest.raises(RedisSettingError) as caught:
        create_app()
    assert str(caught.value).startswith("REDIS_URL must begin with redis://, ")
