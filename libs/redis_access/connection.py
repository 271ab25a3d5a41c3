"""Create a Redis client from the URL in REDIS_URL."""

import os
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from libs.redis_access.retries import POOL_SIZE, WAIT_SECONDS

VARIABLE = "REDIS_URL"
DEFAULT_URL = "redis://localhost:6379"

_SCHEMES = {"redis", "rediss", "unix"}

# What a URL may set after "?". Timeouts and retries must not come from the URL.
_OPTIONS = {"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_ENCODE = "(in a user name or password, write / ? # @ : and % percent-encoded)"


class RedisUrlError(ValueError):
    """Invalid REDIS_URL. The message names the variable and the error, never the password."""


def connect_from_environment() -> redis.Redis:
    """Return a client for the server at REDIS_URL, redis://localhost:6379 by default.

    Raises RedisUrlError if REDIS_URL is malformed.
    """
    return connect(os.environ.get(VARIABLE, DEFAULT_URL))


def connect(url: str) -> redis.Redis:
    """Return a client for url (redis://, rediss:// for TLS, unix://) that connects on first use.

    Create one per process and share it between threads; it reconnects in a forked child. Raises
    RedisUrlError if url is malformed.
    """
    _check(url)
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=POOL_SIZE,
        timeout=WAIT_SECONDS,
        socket_timeout=WAIT_SECONDS,
        socket_connect_timeout=WAIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        # Otherwise each of these would add a round trip to a new connection.
        protocol=2,
        driver_info=None,
    )
    return redis.Redis.from_pool(pool)  # closing the client closes its connections


def _check(url: str) -> None:
    """Raise RedisUrlError if url is malformed; never quote a possible part of a password."""
    _require(url, f"is empty; unset it to use {DEFAULT_URL}")
    _require(url.isprintable() and " " not in url, "holds white space or an unprintable character")
    scheme, separator, _ = url.partition("://")
    _require(separator and scheme in _SCHEMES, "must begin with redis://, rediss:// or unix://")
    try:
        parts = urlsplit(url)
        port = parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:  # not chained, because its text quotes the URL
        raise RedisUrlError(f"{VARIABLE} has a malformed host, port or option {_ENCODE}") from None
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


def _can_be_a_host(name: str) -> bool:
    """Return whether the resolver accepts name; for an empty label it would raise an error."""
    try:
        return name.isprintable() and bool(name.encode("idna"))
    except UnicodeError:
        return False


def _require(condition: object, problem: str) -> None:
    if not condition:
        raise RedisUrlError(f"{VARIABLE} {problem}")
