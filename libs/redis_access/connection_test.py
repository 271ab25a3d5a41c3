"""Tests of the URLs that connect() accepts and refuses."""

import re
from pathlib import Path

import pytest
import redis

from libs.redis_access.connection import connect, connect_from_environment
from libs.redis_access.urls import RedisSettingError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost", {"host": "localhost"}),
        ("redis://user:p%40ss@redis.example:6380/3", {"port": 6380, "password": "p@ss", "db": 3}),
        ("redis://[::1]:6379/?db=2", {"host": "::1", "db": 2}),
        ("redis://[fe80::1%25eth0]", {"host": "fe80::1%eth0"}),
        ("redis://redis_service.", {"host": "redis_service."}),
        ("rediss://redis.example/1", {"host": "redis.example", "db": 1}),
        ("unix:///run/redis.sock?db=1", {"path": "/run/redis.sock", "db": 1}),
        ("unix://user:pass@/run/redis.sock", {"path": "/run/redis.sock", "password": "pass"}),
    ],
)
def test_should_take_every_part_of_a_url(url: str, expected: dict[str, object]) -> None:
    client = connect(url)
    assert expected.items() <= client.connection_pool.connection_kwargs.items()
    assert not client.connection_pool.make_connection().is_connected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is empty"),
        ("redis://localhost \n", "white space"),
        ("redis://local\0host", "unprintable character"),
        ("redis://local\udcffhost", "unprintable character"),
        ("localhost:6379", "must begin with redis://"),
        ("http://localhost:6379", "must begin with redis://"),
        ("redis:localhost", "must begin with redis://"),
        ("redis://", "has no host"),
        ("redis://:6379", "has no host"),
        ("redis://a..b:6379", "an invalid host"),
        ("redis://user:password@a%2e%2eb", "an invalid host"),
        ("redis://.svc.cluster.local", "an invalid host"),
        (f"redis://{'a' * 64}.example", "an invalid host"),
        ("redis://a%00b", "an invalid host"),
        ("redis://localhost:0", "port 0"),
        ("redis://localhost:port", "malformed host, port"),
        ("redis://localhost:65536", "malformed host, port"),
        ("redis://[::1", "malformed host, port"),
        ("redis://localhost/main", "database that is not a number"),
        ("redis://localhost?db=-1", "database that is not a number"),
        ("redis://localhost?db", "malformed host, port or option"),
        ("redis://localhost?ssl_ca_certs=/ca.pem", "options for TLS; begin it with rediss://"),
        ("redis://localhost?socket_timeout=5", "option other than db, ssl_ca_certs"),
        ("unix://run/redis.sock", "absolute path"),
        ("unix://", "absolute path"),
        ("unix:///run/%00", "an invalid path"),
        ("redis+sentinel://localhost:26379", "must name Sentinels and the group"),
        ("redis+sentinel://localhost/group/1", "must name Sentinels and the group"),
        ("redis+sentinel://one,:26379/group", "has no host"),
        ("redis+sentinel://a/g?sentinel_user=u", "sentinel_user without sentinel_password_file"),
        ("redis+sentinel://a/g?sentinel_password_file=/no", "names /no, which is unreadable"),
        ("redis://a?sentinel_password_file=/no", "option other than db, ssl_ca_certs"),
        ("redis+cluster://", "has no host"),
        ("redis+cluster://one,two:port", "malformed host, port"),
        ("redis+cluster://one,two/1", "nodes of the cluster, and no database"),
        ("redis+cluster://one,two?db=1", "nodes of the cluster, and no database"),
        ("rediss+cluster://one", "must begin with redis://"),
    ],
)
def test_should_say_what_is_wrong_with_a_url(url: str, problem: str) -> None:
    with pytest.raises(RedisSettingError) as caught:
        connect(url)
    assert str(caught.value).startswith("REDIS_URL ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("mistake", ["se/cret", "se?cret", "se#cret", "se cret", "se[cret"])
@pytest.mark.parametrize("user", ["", "user"])
@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster", "ftp"])
def test_should_never_print_a_password(scheme: str, user: str, mistake: str) -> None:
    url = f"{scheme}://{user}:{mistake}@localhost:6379/0"
    with pytest.raises(RedisSettingError) as caught:
        connect(url)
    message = re.sub("user|database|sentinel|cluster", "", str(caught.value))
    assert "se" not in message
    assert "cret" not in str(caught.value)


def test_should_use_the_local_redis_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    options = connect_from_environment("key").connection_pool.connection_kwargs
    assert (options["host"], options.get("port", 6379)) == ("localhost", 6379)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SETTINGS_REDIS_URL": "redis://settings"}, ("settings", None)),
        ({"SETTINGS_REDIS_URL": "redis://settings", "REDIS_URL": "redis://x"}, ("settings", None)),
        ({"REDIS_URL": "redis://shared"}, ("shared", None)),
        ({}, ("localhost", None)),
        (
            {"SETTINGS_REDIS_URL": "redis://me@s", "SETTINGS_REDIS_PASSWORD_FILE": "{file}"},
            ("s", ("me", "secret")),
        ),
        (
            {"REDIS_URL": "redis://me@shared", "REDIS_PASSWORD_FILE": "{file}"},
            ("shared", ("me", "secret")),
        ),
        ({"SETTINGS_REDIS_URL": "redis://s", "REDIS_PASSWORD_FILE": "{file}"}, ("s", None)),
    ],
)
def test_should_use_the_variables_with_a_prefix_if_they_are_set(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    expected: tuple[str, object],
) -> None:
    # Given
    file = tmp_path / "password"
    file.write_text("secret\n")
    monkeypatch.delenv("REDIS_URL", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(file=file))

    # When
    client = connect_from_environment("key", prefix="SETTINGS_")

    # Then
    options = client.connection_pool.connection_kwargs
    provider = options.get("credential_provider")
    assert (options["host"], provider and provider.get_credentials()) == expected


@pytest.mark.parametrize(
    ("url", "password_file", "message"),
    [
        ("http://a", "", "SETTINGS_REDIS_URL must begin with redis://"),
        ("redis://a", "/missing", "SETTINGS_REDIS_PASSWORD_FILE names /missing, which is unread"),
        ("redis://:p@a", "x", "SETTINGS_REDIS_URL and SETTINGS_REDIS_PASSWORD_FILE both give"),
    ],
)
def test_should_name_the_variable_with_the_prefix(
    monkeypatch: pytest.MonkeyPatch, url: str, password_file: str, message: str
) -> None:
    monkeypatch.setenv("SETTINGS_REDIS_URL", url)
    if password_file:
        monkeypatch.setenv("SETTINGS_REDIS_PASSWORD_FILE", password_file)
    with pytest.raises(RedisSettingError, match=f"^{message}"):
        connect_from_environment("key", prefix="SETTINGS_")


def test_should_not_connect_before_the_first_command() -> None:
    client = connect("redis://127.0.0.1:1")
    with pytest.raises(redis.ConnectionError) as caught:
        client.ping()
    assert "refused" in str(caught.value)
