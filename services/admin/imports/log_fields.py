"""What a line of an access log says, in whatever format, and how its parts are checked."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton

Fields = tuple[str, str, float, str, str, str, str]
"""Host, address, time (UTC seconds), request line, status, referrer, user agent. "" is unknown."""

LineParser = Callable[[bytes], Fields]

MAX_LINE_BYTES = 64 * 1024


class LineError(Exception):
    """A line is no page view; the message is one word for the reason."""


TIME = r"(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d):([0-5]\d|60) ([+-]\d{4})"  # 60: a leap second
"""The pattern of a time such as 10/Oct/2025:13:55:36 -0700: its minute, second and zone."""

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # strptime follows the locale
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, 1)}
_END_OF_TIME = datetime.max.replace(tzinfo=timezone.utc).timestamp()
_PORT = re.compile(r":\d*$", re.ASCII)


@lru_cache(maxsize=8192)
def checked_address(text: str) -> str:
    """Return an IPv4 or IPv6 address without its zone. Raises LineError if text is none."""
    try:
        if ":" in text:
            text = text.partition("%")[0]
            inet_pton(AF_INET6, text)
        else:
            inet_pton(AF_INET, text)
    except (OSError, ValueError):
        raise LineError("address") from None
    return text


@lru_cache(maxsize=1024)
def minute_seconds(minute: str, zone: str) -> float:
    """Return the UTC seconds of the minute and zone in TIME. Raises LineError if there is none."""
    try:
        time = datetime(
            int(minute[7:11]),
            _MONTH_NUMBERS[minute[3:6]],
            int(minute[:2]),
            int(minute[12:14]),
            int(minute[15:]),
            tzinfo=timezone(timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:]))),
        )
    except (KeyError, ValueError):
        raise LineError("malformed") from None
    return checked_seconds(time.timestamp())


def checked_seconds(seconds: float) -> float:
    """Return seconds since 1970. Raises LineError if they are negative or after the year 9999."""
    if not 0 <= seconds <= _END_OF_TIME:  # nor is NaN
        raise LineError("malformed")
    return seconds


def known(text: str) -> str:
    """Return the text of a field, or "" for the "-" that stands for none."""
    return "" if text == "-" else text


def without_port(host: str) -> str:
    """Return host, [address] or address without the port that may follow the first two."""
    return _PORT.sub("", host) if "[" in host or host.count(":") == 1 else host
