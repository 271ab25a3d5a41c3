"""Fixtures for the dashboard's tests."""

from libs.redis_access.testing import data_dir, redis_client, redis_server, redis_socket, redis_url

__all__ = ["data_dir", "redis_client", "redis_server", "redis_socket", "redis_url"]
