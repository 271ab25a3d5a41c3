"""Fixtures for the dashboard's tests."""

# pylint: disable=redefined-outer-name  # fixtures request each other

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from libs.redis_access.testing import data_dir, redis_client, redis_server, redis_socket, redis_url
from services.dashboard.app import create_app
from services.dashboard.testing import signed_in_client

__all__ = ["data_dir", "redis_client", "redis_server", "redis_socket", "redis_url"]


@pytest.fixture(name="app")
def _app(redis_client: redis.Redis) -> Flask:
    return create_app(redis_client)


@pytest.fixture(name="client")
def _client(app: Flask, redis_client: redis.Redis) -> FlaskClient:
    """Return a client that has signed in as ada."""
    return signed_in_client(app, redis_client)
