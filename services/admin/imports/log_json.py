"""Read a line of a JSON log, of Caddy or as nginx was told to write it."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from services.admin.imports.log_fields import (
    MAX_LINE_BYTES,
    TIME,
    Fields,
    LineError,
    LineParser,
    checked_address,
    checked_seconds,
    known,
    minute_seconds,
    without_port,
)

JSON_KEYS = {
    "address": "remote_addr",
    "host": "host",
    "method": "request_method",
    "path": "request_uri",
    "referrer": "http_referer",
    "request": "request",
    "status": "status",
    "time": "time_iso8601",
    "user_agent": "http_user_agent",
}
"""The default keys, which are nginx's names of these variables.

The request line is under "request", or in two parts under "method" and "path". A host, referrer or
user agent may be missing.
"""

_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
_LOG_TIME = re.compile(TIME, re.ASCII)
_HEX_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")


def mapped_parser(keys: Mapping[str, str]) -> LineParser:
    """Return a parser for objects that have these keys instead of JSON_KEYS."""
    return partial(_read, partial(_mapped_fields, {**JSON_KEYS, **keys}))


def read_caddy(line: bytes) -> Fields:
    """Return the fields of a line that Caddy wrote.

    Like the parsers of mapped_parser(), it raises LineError "malformed", "address" or "too_long".
    """
    return _read(_caddy_fields, line)


def _read(fields: Callable[[Any], Fields], line: bytes) -> Fields:
    if len(line) > MAX_LINE_BYTES:
        raise LineError("too_long")
    try:
        return fields(_value(line))
    except _MALFORMED:
        raise LineError("malformed") from None


def _value(line: bytes) -> Any:
    r"""Return the value of a line. nginx writes \x22, which is no JSON, without escape=json."""
    try:
        return json.loads(line.decode("utf-8", "surrogateescape"))
    except ValueError:
        if b"\\x" not in line:
            raise
        valid = _HEX_ESCAPE.sub(_json_escape, line)
        return json.loads(valid.decode("utf-8", "surrogateescape"))


def _json_escape(found: re.Match[bytes]) -> bytes:
    byte = bytes.fromhex(found[1].decode())
    return byte if byte >= b"\x80" else rb"\u00" + found[1]


def _caddy_fields(entry: Any) -> Fields:
    request = entry["request"]
    headers = request.get("headers", {})
    # Caddy 2.7 and later, 2.5 and later, earlier
    address = request.get("client_ip") or request.get("remote_ip") or request["remote_addr"]
    return (
        without_port(_text(request["host"])),
        checked_address(without_port(_text(address)).strip("[]")),
        _seconds(entry["ts"]),
        f"{_text(request['method'])} {_text(request['uri'])} {_text(request['proto'])}",
        str(entry["status"]),
        _text(headers.get("Referer", [""])[0]),
        _text(headers.get("User-Agent", [""])[0]),
    )


def _mapped_fields(keys: Mapping[str, str], entry: Any) -> Fields:
    if not (request := entry.get(keys["request"])):
        request = f"{_text(entry[keys['method']])} {_text(entry[keys['path']])} HTTP/"
    return (
        without_port(_text(entry.get(keys["host"], ""))),
        checked_address(_text(entry[keys["address"]])),
        _seconds(entry[keys["time"]]),
        _text(request),
        str(entry[keys["status"]]),
        known(_text(entry.get(keys["referrer"], ""))),
        known(_text(entry.get(keys["user_agent"], ""))),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise LineError("malformed")
    return value


def _seconds(value: object) -> float:
    """Return the UTC seconds of a number of them, an ISO 8601 time or a time of a text log."""
    if isinstance(value, str) and (found := _LOG_TIME.fullmatch(value)):
        return minute_seconds(found[1], found[3]) + int(found[2])
    try:
        return checked_seconds(float(value))  # type: ignore[arg-type]  # TypeError is expected
    except ValueError:
        time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise LineError("malformed")  # it may be any hour of the day
    return checked_seconds(time.timestamp())
