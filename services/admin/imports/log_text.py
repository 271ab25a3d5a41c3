"""Read a line of the text formats of Apache and nginx."""

import re
from functools import partial

from services.admin.imports.log_fields import (
    MAX_LINE_BYTES,
    TIME,
    Fields,
    LineError,
    LineParser,
    checked_address,
    known,
    minute_seconds,
    without_port,
)

_QUOTED = r'"([^"]*+)"'  # twice as fast as the next
_QUOTED_WITH_ESCAPES = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPED_CONTROLS = {b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _parser(host: str, rest: str) -> LineParser:
    """Return a parser for a format, with one pattern for lines without backslashes and one for all.

    No part of them can match in two ways, so a line takes time in proportion to its length.
    """
    line = rf'{host}([^ ]++)(?>.*? \[{TIME}\] (?="))QUOTED (\d{{3}}) (?:\d++|-){rest}'
    plain, escaped = (
        re.compile(line.replace("QUOTED", quoted), re.ASCII)
        for quoted in (_QUOTED, _QUOTED_WITH_ESCAPES)
    )
    return partial(_read, plain, escaped)


def _read(plain: re.Pattern[str], escaped: re.Pattern[str], line: bytes) -> Fields:
    if len(line) > MAX_LINE_BYTES:
        raise LineError("too_long")
    text = line.decode("utf-8", "surrogateescape")
    has_escapes = "\\" in text
    found = (escaped if has_escapes else plain).match(text)
    if not found:
        raise LineError("malformed")
    host, address, minute, second, zone, request, status, referrer, agent = found.groups()
    if has_escapes:
        request, referrer, agent = map(_unescaped, (request, referrer, agent))
    return (
        host and without_port(host),
        checked_address(address),
        minute_seconds(minute, zone) + int(second),
        request,
        status,
        known(referrer),
        known(agent),
    )


def _unescaped(text: str) -> str:
    r"""Return what the client sent for \x22, \" and the other escapes of Apache and nginx."""
    content = _ESCAPE.sub(_unescaped_bytes, text.encode("utf-8", "surrogateescape"))
    return content.decode("utf-8", "surrogateescape")


def _unescaped_bytes(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes.fromhex(found[1].decode())
    return _ESCAPED_CONTROLS.get(found[2], found[2])


# Detection takes the first format that fits. "combined" also fits most lines with a virtual host,
# and "common" fits all lines of "combined". The address tells them apart.
TEXT_PARSERS = {
    "combined-vhost": _parser("([^ ]++) ", " QUOTED QUOTED"),
    "combined": _parser("()", " QUOTED QUOTED"),
    "common-vhost": _parser("([^ ]++) ", "()()"),
    "common": _parser("()", "()()"),
}
"""A parser for each format, which raises LineError "malformed", "address" or "too_long"."""
