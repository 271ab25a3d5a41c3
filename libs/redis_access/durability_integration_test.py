"""Tests of the warnings about a Redis that could lose data."""

import contextlib

import pytest
import redis

from libs.redis_access.connection import connect
from libs.redis_access.durability import why_data_could_be_lost


def test_should_not_warn_about_the_embedded_server(redis_client: redis.Redis) -> None:
    assert not why_data_could_be_lost(redis_client)


@pytest.mark.parametrize(
    ("setting", "risky", "safe", "warning"),
    [
        ("appendonly", "no", "yes", "Redis keeps no append-only file, so a crash loses data"),
        ("maxmemory-policy", "volatile-lru", "noeviction", "by maxmemory-policy volatile-lru"),
    ],
)
def test_should_name_a_setting_that_could_lose_data(
    redis_client: redis.Redis, setting: str, risky: str, safe: str, warning: str
) -> None:
    redis_client.config_set(setting, risky)
    warnings = why_data_could_be_lost(redis_client)
    redis_client.config_set(setting, safe)
    assert [warning in each for each in warnings] == [True]


def test_should_miss_a_replica(redis_client: redis.Redis) -> None:
    warnings = why_data_could_be_lost(redis_client, replicas=1)
    assert len(warnings) == 1
    assert warnings[0].startswith("Redis has 0 replicas, fewer than the 1 of REDIS_REPLICAS")


def test_should_ask_for_permission_to_check(redis_client: redis.Redis, redis_url: str) -> None:
    redis_client.acl_setuser("web", enabled=True, nopass=True, commands=["+ping"])
    with contextlib.closing(connect(redis_url.replace("unix://", "unix://web:x@"))) as web:
        warnings = why_data_could_be_lost(web)
    redis_client.acl_deluser("web")
    assert warnings == ["Redis does not let this user check how it keeps data; permit INFO"]
