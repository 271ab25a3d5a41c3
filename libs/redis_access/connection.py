"""Create a Redis client as the variables REDIS_URL, REDIS_PASSWORD_FILE and REDIS_REPLICAS say."""

import contextlib
import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.credentials import CredentialProvider
from redis.retry import Retry
from redis.sentinel import Sentinel

from libs.redis_access.retries import POOL_SIZE, WAIT_SECONDS

VARIABLE = "REDIS_URL"
PASSWORD_FILE_VARIABLE = "REDIS_PASSWORD_FILE"  # nosec B105  # the name of a variable
REPLICAS_VARIABLE = "REDIS_REPLICAS"
DEFAULT_URL = "redis://localhost:6379"

_SCHEMES = {"redis", "rediss", "unix"}
_SENTINEL = "redis+sentinel://"
_SENTINEL_PORT = 26379

# What a URL may set after "?". Timeouts and retries must not come from the URL.
_TLS_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_OPTIONS = {"db", *_TLS_OPTIONS}
_ENCODE = "(in a user name or password, write / ? # @ : and % percent-encoded)"

_LIMITS: dict[str, Any] = {
    "socket_timeout": WAIT_SECONDS,
    "socket_connect_timeout": WAIT_SECONDS,
    "retry": Retry(NoBackoff(), 0),
    # Otherwise each of these would add a round trip to a new connection.
    "protocol": 2,
    "driver_info": None,
}


class RedisSettingError(ValueError):
    """Invalid setting. The message names the variable and the error, never the password."""


class PasswordFile(CredentialProvider):
    """Reads the password for each new connection, so a new password needs no restart."""

    def __init__(self, path: str, user: str | None) -> None:
        """Check that the file has a password. Raises RedisSettingError."""
        self._path = path
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
                f"{PASSWORD_FILE_VARIABLE} names {self._path[:100]}, which is unreadable: {problem}"
            ) from error
        if not password:
            raise redis.AuthenticationError(
                f"{PASSWORD_FILE_VARIABLE} names {self._path[:100]}, which is empty"
            )
        return (self._user, password) if self._user else (password,)


def connect_from_environment() -> redis.Redis:
    """Return a client for the server at REDIS_URL, redis://localhost:6379 by default.

    The password may be in the file named by REDIS_PASSWORD_FILE. Raises RedisSettingError if a
    variable is invalid.
    """
    password_file = os.environ.get(PASSWORD_FILE_VARIABLE)
    return connect(os.environ.get(VARIABLE, DEFAULT_URL), password_file)


def replicas_from_environment() -> int:
    """Return how many replicas must have a view before it is acknowledged: REDIS_REPLICAS, or 0.

    Raises RedisSettingError if it is not a number from 0 to 9.
    """
    value = os.environ.get(REPLICAS_VARIABLE, "0")
    if value.isdecimal() and len(value) == 1:
        return int(value)
    raise RedisSettingError(f"{REPLICAS_VARIABLE} must be a number from 0 to 9, not {value[:20]!r}")


def connect(url: str, password_file: str | None = None) -> redis.Redis:
    """Return a client for url that connects on first use.

    url begins with redis://, rediss:// (TLS), unix:// or redis+sentinel://. The last names
    Sentinels and the group whose primary they know: redis+sentinel://host:port,host:port/group.
    Create one client per process and share it between threads; it reconnects in a forked child.
    Raises RedisSettingError if url is malformed, if a file of certificates that it names is
    unusable, or if password_file has no password.
    """
    urls, group = [url], ""
    if url.startswith(_SENTINEL):
        urls, group = _sentinels(url)
    for each in urls:
        _check(each)
    options = dict(parse_url(urls[0]))
    _check_certificates(options)
    if password_file is not None:
        _require("password" not in options, f"and {PASSWORD_FILE_VARIABLE} both give a password")
        options["credential_provider"] = PasswordFile(password_file, options.pop("username", None))
    elif options.get("connection_class") is redis.SSLConnection and "password" not in options:
        options["redis_connect_func"] = _connect_and_ping
    if not group:
        pool = redis.ConnectionPool(max_connections=POOL_SIZE, **_LIMITS, **options)
        return redis.Redis.from_pool(pool)  # closing the client closes its connections
    nodes = [(node["host"], node.get("port", _SENTINEL_PORT)) for node in map(parse_url, urls)]
    # Sentinels are asked in turn, so together they get the time of one server.
    seconds = WAIT_SECONDS / len(nodes)
    limits = {**_LIMITS, "socket_timeout": seconds, "socket_connect_timeout": seconds}
    for name in ("host", "port"):
        options.pop(name, None)
    sentinel = Sentinel(nodes, sentinel_kwargs=limits, **_LIMITS, **options)
    client: redis.Redis = sentinel.master_for(group, max_connections=POOL_SIZE)
    return client


def _sentinels(url: str) -> tuple[list[str], str]:
    """Return a redis:// URL for each Sentinel, with the user and options of url, and the group."""
    user, at, rest = url.removeprefix(_SENTINEL).rpartition("@")
    hosts, _, path = rest.partition("/")
    group, mark, options = path.partition("?")
    _require(
        group and "/" not in group,
        f"must name Sentinels and the group that they watch: {_SENTINEL}host:port,host:port/group",
    )
    return [f"redis://{user}{at}{host}{mark}{options}" for host in hosts.split(",")], unquote(group)


def _check(url: str) -> None:
    """Raise RedisSettingError if url is malformed; never quote a possible part of a password."""
    _require(url, f"is empty; unset it to use {DEFAULT_URL}")
    _require(url.isprintable() and " " not in url, "holds white space or an unprintable character")
    scheme, separator, _ = url.partition("://")
    known = separator and scheme in _SCHEMES
    _require(known, f"must begin with redis://, rediss://, unix:// or {_SENTINEL}")
    try:
        parts = urlsplit(url)
        port = parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:  # not chained, because its text quotes the URL
        raise RedisSettingError(
            f"{VARIABLE} has a malformed host, port or option {_ENCODE}"
        ) from None
    _require(not parts.fragment, f"has a part after # {_ENCODE}")
    unknown = {name for name, _ in options} - _OPTIONS
    _require(not unknown, f"has an option other than {', '.join(sorted(_OPTIONS))} {_ENCODE}")
    databases = [value for name, value in options if name == "db"]
    if scheme == "unix":
        absolute = not parts.hostname and parts.path.strip("/")
        _require(absolute, "must give the socket's absolute path: unix:///run/redis.sock")
        _require("\0" not in unquote(parts.path), "has an invalid path")
    else:
        _require(parts.hostname, f"has no host; the form is {scheme}://[user:password@]host[:port]")
        _require(_can_be_a_host(unquote(parts.hostname or "")), "has an invalid host")
        _require(port != 0, "has port 0")
        databases += filter(None, [parts.path.strip("/")])
    _require(all(map(str.isdecimal, databases)), f"has a database that is not a number {_ENCODE}")


def _check_certificates(options: dict[str, Any]) -> None:
    """Raise RedisSettingError if a file for TLS is unusable; redis-py reads it when it connects."""
    if options.get("connection_class") is not redis.SSLConnection:
        given = options.keys() & _TLS_OPTIONS
        _require(not given, "has options for TLS; begin it with rediss://")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    key = options.get("ssl_keyfile")
    loads = {
        "ssl_ca_certs": context.load_verify_locations,
        # Without a password, OpenSSL would ask for that of an encrypted key on the terminal.
        "ssl_certfile": lambda file: context.load_cert_chain(file, key, ""),
    }
    for name in loads.keys() & options.keys():
        try:
            loads[name](options[name])
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or error
            raise RedisSettingError(
                f"{VARIABLE} has {name}={options[name][:100]}, which is unusable: {problem}"
            ) from error


def _connect_and_ping(connection: redis.SSLConnection) -> None:
    """Read an answer, and with it the session tickets that follow a TLS handshake.

    redis-py discards a new connection with unread bytes. The answer to AUTH would do as well.
    """
    connection.on_connect()
    connection.send_command("PING")
    with contextlib.suppress(redis.ResponseError):  # it is not permitted
        connection.read_response()


def _can_be_a_host(name: str) -> bool:
    """Return whether the resolver accepts name; for an empty label it would raise an error."""
    try:
        return name.isprintable() and bool(name.encode("idna"))
    except UnicodeError:
        return False


def _require(condition: object, problem: str) -> None:
    if not condition:
        raise RedisSettingError(f"{VARIABLE} {problem}")
