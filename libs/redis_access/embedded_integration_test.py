"""Tests that the embedded Redis keeps its data, locks it, and says why it cannot start."""

import contextlib
from pathlib import Path

import pytest
import redis

from libs.redis_access.connection import connect
from libs.redis_access.embedded import (
    EmbeddedRedis,
    EmbeddedRedisError,
    embedded_redis,
    running_redis,
)


def count(server: EmbeddedRedis) -> int:
    """Increment a counter on server; return its value."""
    with contextlib.closing(connect(server.url)) as client:
        return int(client.incr("counted"))


def test_should_keep_its_data_when_stopped_and_when_killed(data_dir: Path) -> None:
    # Given
    numbers = []

    # When
    with embedded_redis(data_dir) as server:
        numbers.append(count(server))
    with embedded_redis(data_dir) as server:
        numbers.append(count(server))
        server.process.kill()
        server.process.wait()
    with embedded_redis(data_dir) as server:
        numbers.append(count(server))

    # Then
    assert numbers == [1, 2, 3]


def test_should_write_to_the_disk_before_it_answers(data_dir: Path) -> None:
    with embedded_redis(data_dir) as server:
        with contextlib.closing(connect(server.url)) as client:
            settings = client.config_get("append*")
    assert (settings["appendonly"], settings["appendfsync"]) == ("yes", "always")


def test_should_refuse_a_directory_in_use(data_dir: Path) -> None:
    with embedded_redis(data_dir) as server:
        with pytest.raises(EmbeddedRedisError) as caught, embedded_redis(data_dir):
            pass
        assert "in use by another tracker" in str(caught.value)
        assert count(server) == 1


def test_should_refuse_a_directory_it_cannot_write_to(data_dir: Path) -> None:
    (data_dir / "file").touch()
    with pytest.raises(EmbeddedRedisError) as caught, embedded_redis(data_dir / "file"):
        pass
    assert str(caught.value) == f"cannot write to the data directory {data_dir}/file: File exists"


def test_should_refuse_a_path_too_long_for_a_socket(data_dir: Path) -> None:
    with pytest.raises(EmbeddedRedisError) as caught, embedded_redis(data_dir / ("long" * 25)):
        pass
    assert "choose one of at most 92 bytes" in str(caught.value)
    assert not list(data_dir.iterdir())


def test_should_say_where_the_reason_is_when_the_server_does_not_start(data_dir: Path) -> None:
    # Given
    with embedded_redis(data_dir) as server:
        count(server)
    manifest = data_dir / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("damaged")

    # When
    with pytest.raises(EmbeddedRedisError) as caught, embedded_redis(data_dir):
        pass

    # Then
    assert str(caught.value).endswith(f"see {data_dir}/redis.log")
    assert "manifest" in (data_dir / "redis.log").read_text()
    assert manifest.read_text() == "damaged"


def test_should_find_the_server_that_runs_on_a_directory(data_dir: Path) -> None:
    assert running_redis(data_dir / "missing") is None
    with embedded_redis(data_dir) as server:
        assert running_redis(data_dir) == server.url
    assert running_redis(data_dir) is None


def test_should_wait_for_an_answer_as_long_as_told(redis_url: str) -> None:
    with contextlib.closing(connect(redis_url)) as client, pytest.raises(redis.TimeoutError):
        client.execute_command("BLPOP", "nothing", 0.3)
    with contextlib.closing(connect(redis_url, wait_seconds=10)) as client:
        assert client.execute_command("BLPOP", "nothing", 0.3) is None
