"""Read the URL of a Redis, and say what is wrong with it before anything connects."""

import ssl
from collections.abc import Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.connection import parse_url

VARIABLE = "REDIS_URL"
DEFAULT_URL = "redis://localhost:6379"

_SCHEMES = {"redis", "rediss", "unix"}
_SENTINEL = "redis+sentinel://"
_SENTINEL_PORT = 26379
_SENTINEL_USER = "sentinel_user"
_SENTINEL_PASSWORD_FILE = "sentinel_password_file"  # nosec B105  # the name of an option
_CLUSTER = "redis+cluster://"
_PORT = 6379

# What a URL may set after "?". Timeouts and retries must not come from the URL.
_TLS_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_OPTIONS = {"db", *_TLS_OPTIONS}
_ENCODE = "(in a user name or password, write / ? # @ : and % percent-encoded)"


class RedisSettingError(ValueError):
    """Invalid setting. The message names the variable and the error, never the password."""


class _InvalidUrl(ValueError):
    """Says what is wrong with a URL after the name of its variable."""


@dataclass(frozen=True)
class RedisUrl:
    """What a URL says: how to reach one server, or whom to ask for its address."""

    options: dict[str, Any]
    """The arguments of a redis-py connection; without an address if there is somebody to ask."""

    sentinels: tuple[tuple[str, int], ...] = ()
    group: str = ""
    """The group that the Sentinels watch."""

    sentinel_user: str | None = None
    """Who asks the Sentinels; None is their user "default"."""

    sentinel_password_file: str | None = None
    """Where the password of that user is; None if Sentinels tell everybody."""

    nodes: tuple[tuple[str, int], ...] = ()
    """Some nodes of a cluster."""


def read_url(url: str, variable: str = VARIABLE) -> RedisUrl:
    """Return what url, the value of variable, says.

    Raises RedisSettingError if it is malformed or names unusable files.
    """
    try:
        return _read_any(url)
    except _InvalidUrl as error:  # not chained, because the text of its cause may quote the URL
        raise RedisSettingError(f"{variable} {error}") from None


def _read_any(url: str) -> RedisUrl:
    if url.startswith(_SENTINEL):
        known = _OPTIONS | {_SENTINEL_USER, _SENTINEL_PASSWORD_FILE}
        options, sentinels, group = _read_list(url, _SENTINEL, _SENTINEL_PORT, known)
        user = options.pop(_SENTINEL_USER, None)
        file = options.pop(_SENTINEL_PASSWORD_FILE, None)
        _require(file or not user, f"has {_SENTINEL_USER} without {_SENTINEL_PASSWORD_FILE}")
        _require(
            group and "/" not in group,
            f"must name Sentinels and the group they watch: {_SENTINEL}host:port,host:port/group",
        )
        return RedisUrl(options, sentinels, group, user, file)
    if url.startswith(_CLUSTER):
        options, nodes, path = _read_list(url, _CLUSTER, _PORT, _OPTIONS)
        _require(
            not path and not options.get("db"),
            f"must name nodes of the cluster, and no database: {_CLUSTER}host:port,host:port",
        )
        return RedisUrl(options, nodes=nodes)
    return RedisUrl(_read(url, _OPTIONS))


def _read_list(
    url: str, scheme: str, default_port: int, known: Set[str]
) -> tuple[dict[str, Any], tuple[tuple[str, int], ...], str]:
    """Return the options, the addresses and the path of scheme://user@address,address/path?options.

    Each address is read as if it were alone.
    """
    user, at, rest = url.removeprefix(scheme).rpartition("@")
    location, mark, query = rest.partition("?")
    hosts, _, path = location.partition("/")
    servers = [_read(f"redis://{user}{at}{host}{mark}{query}", known) for host in hosts.split(",")]
    addresses = tuple((each.pop("host"), each.pop("port", default_port)) for each in servers)
    return servers[0], addresses, unquote(path)


def _read(url: str, known: Set[str]) -> dict[str, Any]:
    """Return the options of a URL with one address, which may have only the known ones."""
    _check(url, known)
    options = dict(parse_url(url))
    _check_certificates(options)
    return options


def _check(url: str, known_options: Set[str]) -> None:
    """Raise _InvalidUrl if url is malformed; never quote a possible part of a password."""
    _require(url, f"is empty; unset it to use {DEFAULT_URL}")
    _require(url.isprintable() and " " not in url, "holds white space or an unprintable character")
    scheme, separator, _ = url.partition("://")
    known = separator and scheme in _SCHEMES
    _require(known, f"must begin with redis://, rediss://, unix://, {_SENTINEL} or {_CLUSTER}")
    try:
        parts = urlsplit(url)
        port = parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise _InvalidUrl(f"has a malformed host, port or option {_ENCODE}") from error
    _require(not parts.fragment, f"has a part after # {_ENCODE}")
    unknown = {name for name, _ in options} - known_options
    _require(not unknown, f"has an option other than {', '.join(sorted(known_options))} {_ENCODE}")
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
    """Raise _InvalidUrl if a file for TLS is unusable; redis-py reads it when it connects."""
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
            raise _InvalidUrl(
                f"has {name}={options[name][:100]}, which is unusable: {problem}"
            ) from error


def _can_be_a_host(name: str) -> bool:
    """Return whether the resolver accepts name; for an empty label it would raise an error."""
    try:
        return name.isprintable() and bool(name.encode("idna"))
    except UnicodeError:
        return False


def _require(condition: object, problem: str) -> None:
    if not condition:
        raise _InvalidUrl(problem)
