"""Create a Redis client as the variables REDIS_URL, REDIS_PASSWORD_FILE and REDIS_REPLICAS say."""

import contextlib
import os
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.retry import Retry
from redis.sentinel import Sentinel

from libs.redis_access.cluster import Cluster
from libs.redis_access.cluster_nodes import Nodes
from libs.redis_access.retries import POOL_SIZE, WAIT_SECONDS
from libs.redis_access.urls import DEFAULT_URL, VARIABLE, RedisSettingError, RedisUrl, read_url

PASSWORD_FILE_VARIABLE = "REDIS_PASSWORD_FILE"  # nosec B105  # the name of a variable
REPLICAS_VARIABLE = "REDIS_REPLICAS"


class PasswordFile(CredentialProvider):
    """Reads the password for each new connection, so a new password needs no restart."""

    def __init__(self, path: str, user: str | None, variable: str) -> None:
        """Check that the file has a password; variable names it. Raises RedisSettingError."""
        self._path = path
        self._names = f"{variable} names {path[:100]}"
        self._user = user
        try:
            self.get_credentials()
        except redis.AuthenticationError as error:
            raise RedisSettingError(str(error)) from error

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return the user, if there is one, and the password. Raises AuthenticationError."""
        try:
            password = Path(self._path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            problem = os.strerror(error.errno or 0) if isinstance(error, OSError) else "not UTF-8"
            raise redis.AuthenticationError(
                f"{self._names}, which is unreadable: {problem}"
            ) from error
        if not password:
            raise redis.AuthenticationError(f"{self._names}, which is empty")
        return (self._user, password) if self._user else (password,)


def connect_from_environment(
    key: str, wait_seconds: float = WAIT_SECONDS, prefix: str = ""
) -> redis.Redis:
    """Return a client for the server at REDIS_URL, redis://localhost:6379 by default.

    The password may be in the file named by REDIS_PASSWORD_FILE. With a prefix, such as SETTINGS_,
    SETTINGS_REDIS_URL and SETTINGS_REDIS_PASSWORD_FILE count if the former is set. key and
    wait_seconds are those of connect. Raises RedisSettingError if a variable is invalid.
    """
    if prefix + VARIABLE not in os.environ:
        prefix = ""
    url = os.environ.get(prefix + VARIABLE, DEFAULT_URL)
    password_file = os.environ.get(prefix + PASSWORD_FILE_VARIABLE)
    return connect(url, password_file, key, wait_seconds, prefix=prefix)


def replicas_from_environment() -> int:
    """Return how many replicas must have a view before it is acknowledged: REDIS_REPLICAS, or 0.

    Raises RedisSettingError if it is not a number from 0 to 9.
    """
    value = os.environ.get(REPLICAS_VARIABLE, "0")
    if value.isdecimal() and len(value) == 1:
        return int(value)
    raise RedisSettingError(f"{REPLICAS_VARIABLE} must be a number from 0 to 9, not {value[:20]!r}")


def connect(
    url: str,
    password_file: str | None = None,
    key: str = "",
    wait_seconds: float = WAIT_SECONDS,
    *,
    prefix: str = "",
) -> redis.Redis:
    """Return a client for url that connects on first use.

    url begins with redis://, rediss:// (TLS), unix://, redis+sentinel:// or redis+cluster://.
    redis+sentinel://host:port,host:port/group names Sentinels and the group whose primary they
    know; its options sentinel_user and sentinel_password_file say who asks them, if they must know.
    redis+cluster://host:port,host:port names some nodes of a cluster; a command without a key, such
    as INFO, is then for the primary that has key.

    wait_seconds limits the wait for each answer; programs that serve no page may wait longer.
    prefix begins the names of the variables in messages.
    Create one client per process and share it between threads; it reconnects in a forked child.
    Raises RedisSettingError if url is malformed, if a file of certificates that it names is
    unusable, or if a file of a password has none.
    """
    variable, file_variable = prefix + VARIABLE, prefix + PASSWORD_FILE_VARIABLE
    target = read_url(url, variable)
    options = target.options
    if password_file is not None:
        if "password" in options:
            raise RedisSettingError(f"{variable} and {file_variable} both give a password")
        user = options.pop("username", None)
        options["credential_provider"] = PasswordFile(password_file, user, file_variable)
    elif options.get("connection_class") is redis.SSLConnection and "password" not in options:
        options["redis_connect_func"] = _connect_and_ping
    options = {**_limits(WAIT_SECONDS), "socket_timeout": wait_seconds, **options}
    if target.sentinels:
        asking = _sentinel_options(target, variable)
        sentinel = Sentinel(target.sentinels, sentinel_kwargs=asking, **options)
        client: redis.Redis = sentinel.master_for(target.group, max_connections=POOL_SIZE)
        return client
    if target.nodes:
        return Cluster(Nodes(target.nodes, key, options))
    pool = redis.ConnectionPool(max_connections=POOL_SIZE, **options)
    return redis.Redis.from_pool(pool)  # closing the client closes its connections


def _sentinel_options(target: RedisUrl, variable: str) -> dict[str, Any]:
    """Return arguments for redis-py that reach each Sentinel of target, the value of variable."""
    # Sentinels are asked in turn, so together they get the time of one server.
    seconds = WAIT_SECONDS / len(target.sentinels)
    if target.sentinel_password_file is None:
        return _limits(seconds)
    # AUTH is a third wait, besides those for the connection and the answer.
    provider = PasswordFile(target.sentinel_password_file, target.sentinel_user, variable)
    return {**_limits(seconds * 2 / 3), "credential_provider": provider}


def _limits(seconds: float) -> dict[str, Any]:
    """Return arguments for redis-py that limit each wait to seconds, and repeat nothing."""
    return {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        # Otherwise each of these would add a round trip to a new connection.
        "protocol": 2,
        "driver_info": None,
    }


def _connect_and_ping(connection: redis.SSLConnection) -> None:
    """Read an answer, and with it the session tickets that follow a TLS handshake.

    redis-py discards a new connection with unread bytes. The answer to AUTH would do as well.
    """
    connection.on_connect()
    connection.send_command("PING")
    with contextlib.suppress(redis.ResponseError):  # it is not permitted
        connection.read_response()
