"""Read the environment variables that every web service has, and check them."""

import os
import sys
from ipaddress import IPv4Network, IPv6Network, ip_network

WORKERS_VARIABLE = "WEB_CONCURRENCY"
DEFAULT_WORKERS = 2
MAX_WORKERS = 256

PROXIES_VARIABLE = "TRUSTED_PROXIES"

METRICS_PORT_VARIABLE = "METRICS_PORT"
DEFAULT_METRICS_PORT = 9000
LAST_PORT = 65535

LOG_FORMAT_VARIABLE = "LOG_FORMAT"
LOG_REQUESTS_VARIABLE = "LOG_REQUESTS"

Network = IPv4Network | IPv6Network


class SettingError(ValueError):
    """An environment variable is invalid; the message says which values are valid."""


def check_settings() -> None:
    """Raise SettingError if a variable is invalid."""
    workers_from_environment()
    trusted_proxies_from_environment()
    metrics_port_from_environment()
    log_format_from_environment()
    logs_every_request()


def workers_from_environment() -> int:
    """Return the number of worker processes from WEB_CONCURRENCY, 2 by default.

    Raises SettingError unless it is a whole number from 1 to 256. Gunicorn itself would fail with a
    traceback, or with 0 accept connections and never answer.
    """
    value = os.environ.get(WORKERS_VARIABLE, str(DEFAULT_WORKERS))
    if value.isdecimal() and len(value) <= 3 and 1 <= int(value) <= MAX_WORKERS:
        return int(value)
    raise SettingError(
        f"{WORKERS_VARIABLE} must be a whole number from 1 to {MAX_WORKERS}, not {value[:20]!r}"
    )


def trusted_proxies_from_environment() -> tuple[Network, ...]:
    """Return the networks of trusted proxies from TRUSTED_PROXIES, none by default.

    Raises SettingError unless it is empty or addresses and CIDRs, separated by commas.
    """
    values = filter(None, map(str.strip, os.environ.get(PROXIES_VARIABLE, "").split(",")))
    return tuple(map(_network, values))


def metrics_port_from_environment() -> int:
    """Return the one port on which /metrics is answered: METRICS_PORT, 9000 by default, or 0.

    Raises SettingError unless it is a whole number from 0 to 65535.
    """
    value = os.environ.get(METRICS_PORT_VARIABLE, str(DEFAULT_METRICS_PORT))
    if value.isdecimal() and len(value) <= 5 and int(value) <= LAST_PORT:
        return int(value)
    raise SettingError(
        f"{METRICS_PORT_VARIABLE} must be a whole number from 0 to {LAST_PORT}, not {value[:20]!r}"
    )


def log_format_from_environment() -> str:
    """Return LOG_FORMAT: json, or console for lines that people read.

    Unless it is set, it is console on a terminal and json elsewhere. Raises SettingError if it is
    neither.
    """
    default = "console" if sys.stdout.isatty() else "json"
    return _one_of(LOG_FORMAT_VARIABLE, ("json", "console"), default)


def logs_every_request() -> bool:
    """Return whether LOG_REQUESTS is all, and not some, which is the default.

    Raises SettingError if it is neither.
    """
    return _one_of(LOG_REQUESTS_VARIABLE, ("some", "all"), "some") == "all"


def _one_of(variable: str, values: tuple[str, str], default: str) -> str:
    value = os.environ.get(variable, default)
    if value in values:
        return value
    raise SettingError(f"{variable} must be {' or '.join(values)}, not {value[:20]!r}")


def _network(value: str) -> Network:
    try:
        return ip_network(value)
    except ValueError as error:
        raise SettingError(
            f"{PROXIES_VARIABLE} must be networks such as 10.0.0.0/8,fd00::/8, not {value[:45]!r}"
        ) from error
