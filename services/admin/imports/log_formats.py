"""Find the format of an access log, and the parser of a format."""

from collections.abc import Iterable
from itertools import islice

from services.admin.imports.errors import ImportFormatError
from services.admin.imports.log_fields import LineError, LineParser
from services.admin.imports.log_json import JSON_KEYS, mapped_parser, read_caddy
from services.admin.imports.log_text import TEXT_PARSERS
from services.admin.imports.log_w3c import W3cParser

DETECTION_LINES = 1000
"""How many unknown lines a log may begin with before its format must be named."""

_PARSERS = {**TEXT_PARSERS, "caddy": read_caddy, "json": mapped_parser({})}
_W3C = "w3c"
FORMATS = (*_PARSERS, _W3C)


def detect_format(first_lines: Iterable[bytes]) -> str:
    """Return the format of the first line that any format can read, taking no more lines.

    A log without lines has any format. Raises ImportFormatError if it begins with DETECTION_LINES
    that none can read, or has only such lines.
    """
    parsers = {name: line_parser(name) for name in FORMATS}
    count = 0
    for count, line in enumerate(islice(first_lines, DETECTION_LINES), 1):
        for name, parse in parsers.items():
            if _can_read(parse, line):
                return name
    if count:
        reason = f"none of the first {count} lines is in a known format; name one: "
        raise ImportFormatError("access log", 0, reason + ", ".join(FORMATS))
    return FORMATS[0]


def line_parser(name: str) -> LineParser:
    """Return the parser of a format: one of FORMATS, or "json:time=msec,host=site" for other keys.

    A parser reads the lines of one log, from its first. Raises ImportFormatError if there is no
    such format.
    """
    if name in _PARSERS:
        return _PARSERS[name]
    if name == _W3C:
        return W3cParser()
    kind, _, settings = name.partition(":")
    if kind != "json":
        expected = f"one of {', '.join(FORMATS)}"
    else:
        keys = dict(setting.partition("=")[::2] for setting in settings.split(","))
        if JSON_KEYS.keys() >= keys.keys() and all(keys.values()):
            return mapped_parser(keys)
        expected = f"json:NAME=KEY,…, with NAME one of {', '.join(JSON_KEYS)}"
    raise ImportFormatError("access log", 0, f"unknown format {name!r}; expected {expected}")


def _can_read(parse: LineParser, line: bytes) -> bool:
    try:
        parse(line)
    except LineError:
        return False
    return True
