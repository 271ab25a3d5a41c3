"""Fixtures for the tests of accounts."""

from libs.redis_access.testing import redis_client, redis_server, redis_url

__all__ = ["redis_client", "redis_server", "redis_url"]
