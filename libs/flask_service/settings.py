"""Read the environment variables that every web service has, and check them."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network

WORKERS_VARIABLE = "WEB_CONCURRENCY"
DEFAULT_WORKERS = 2
MAX_WORKERS = 256

PROXIES_VARIABLE = "TRUSTED_PROXIES"

METRICS_PORT_VARIABLE = "METRICS_PORT"
DEFAULT_METRICS_PORT = 9000
LAST_PORT = 65535

Network = IPv4Network | IPv6Network


class SettingError(ValueError):
    """An environment variable is invalid; the message says which values are valid."""


def check_settings() -> None:
    """Raise SettingError if a variable is invalid."""
    workers_from_environment()
    trusted_proxies_from_environment()
    metrics_port_from_environment()


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


def _network(value: str) -> Network:
    try:
        return ip_network(value)
    except ValueError as error:
        raise SettingError(
            f"{PROXIES_VARIABLE} must be networks such as 10.0.0.0/8,fd00::/8, not {value[:45]!r}"
        ) from error
