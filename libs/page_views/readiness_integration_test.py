"""Tests that readiness agrees with counting in every state of a real Redis."""

import contextlib

import pytest
import redis

from libs.page_views.counting import PAGE_VIEWS_KEY, PageViewCounter
from libs.page_views.readiness import why_not_ready
from libs.processes.testing import paused
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis


def test_should_be_ready_and_change_nothing(redis_client: redis.Redis) -> None:
    empty = why_not_ready(redis_client)
    keys = redis_client.dbsize()
    redis_client.set(PAGE_VIEWS_KEY, 4)
    counting = why_not_ready(redis_client)
    assert (empty, keys) == (None, 0)
    assert (counting, redis_client.get(PAGE_VIEWS_KEY)) == (None, b"4")


def test_should_not_be_ready_when_redis_is_full(redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", 1)
    reason = why_not_ready(redis_client)
    redis_client.config_set("maxmemory", 0)
    assert reason == "Redis is out of memory"


def test_should_not_be_ready_when_redis_is_read_only(redis_client: redis.Redis) -> None:
    redis_client.replicaof("127.0.0.1", "1")
    reason = why_not_ready(redis_client)
    redis_client.replicaof("NO", "ONE")
    assert reason == "Redis is read-only"


@pytest.mark.parametrize(
    "value",
    [
        *("0", "-1", "4", "-0", "+1", "01", " 1", "1 ", "1.5", "1e3", "many", "", "0x10", "1\n"),
        *("9" * 18, "1" + "0" * 18, "9" * 19, "1" + "0" * 19, "-" + "9" * 19),
        *(str(2**63 - 2), str(2**63 - 1), str(2**63), str(-(2**63)), str(-(2**63) - 1)),
    ],
)
def test_should_agree_with_counting_about_every_value(
    redis_client: redis.Redis, value: str
) -> None:
    redis_client.set(PAGE_VIEWS_KEY, value)
    reason = why_not_ready(redis_client)
    assert redis_client.get(PAGE_VIEWS_KEY) == value.encode()
    assert (reason is None) == counts(redis_client)


def test_should_not_be_ready_when_the_key_holds_something_else(redis_client: redis.Redis) -> None:
    redis_client.rpush(PAGE_VIEWS_KEY, "a list")
    reason = why_not_ready(redis_client)
    assert reason == "Redis refuses the command"


NEEDED = "+eval +get +incr +set ~page_views ~{page_views}:nonce:*"


@pytest.mark.parametrize(
    "permissions",
    [
        NEEDED,
        "allcommands allkeys",
        *(NEEDED.replace(f"+{command} ", "") for command in ("eval", "get", "incr", "set")),
        NEEDED.replace(" ~page_views", ""),
        NEEDED.replace(" ~{page_views}:nonce:*", ""),
        NEEDED.replace("~page_views", "%R~page_views"),
        NEEDED.replace("~{page_views}", "%R~{page_views}"),
    ],
)
def test_should_agree_with_counting_about_permissions(
    redis_client: redis.Redis, redis_url: str, permissions: str
) -> None:
    # Given
    rules = ["on", ">secret", *permissions.split()]
    redis_client.execute_command("ACL SETUSER", "web", *rules)

    # When
    with contextlib.closing(connect(redis_url.replace("unix://", "unix://web:secret@"))) as web:
        reason = why_not_ready(web)
        counted = counts(web)
    redis_client.acl_deluser("web")

    # Then
    assert (reason is None) == counted == (permissions in (NEEDED, "allcommands allkeys"))


def counts(client: redis.Redis) -> bool:
    """Return whether a page view can be counted."""
    with contextlib.suppress(redis.RedisError):
        return PageViewCounter(client).count() is not None
    return False


def test_should_not_be_ready_without_the_password(
    redis_client: redis.Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    redis_client.config_set("requirepass", "secret")
    with contextlib.closing(connect(redis_url.replace("unix://", "unix://:wrong@"))) as stranger:
        reason = why_not_ready(stranger)
    redis_client.config_set("requirepass", "")
    assert reason == "Redis refuses the user name or password"
    assert "wrong@" not in caplog.text


def test_should_not_be_ready_while_redis_hangs(
    redis_client: redis.Redis, redis_server: EmbeddedRedis
) -> None:
    with paused(redis_server.process.pid):
        reason = why_not_ready(redis_client)
    assert reason == "Redis does not answer in time"
    assert why_not_ready(redis_client) is None


def test_should_not_be_ready_when_nothing_listens() -> None:
    reason = why_not_ready(connect("redis://127.0.0.1:1"))
    assert reason == "Redis cannot be reached"
