"""Read a line of a log in the W3C extended format, as IIS and CloudFront write it.

The log itself says which fields its lines have, and may change them. Its times are UTC. IIS divides
fields by spaces, and writes + for a space within; CloudFront divides them by tabs, and encodes what
is within as in URLs.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import unquote

from services.admin.imports.log_fields import (
    MAX_LINE_BYTES,
    Fields,
    LineError,
    checked_address,
    checked_seconds,
    known,
    without_port,
)

_FIELDS = b"#Fields:"
_HOSTS = "x-host-header cs-host cs(Host)".split()  # cs(Host) is CloudFront's own name of the site


class W3cParser:
    """Parses the lines of one log, in their order."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def __call__(self, line: bytes) -> Fields:
        """Return the fields of a line.

        Raises LineError "directive" if it has none; "malformed", "address" or "too_long"; or such
        as "no_c-ip" if the log says that its lines lack this field.
        """
        if len(line) > MAX_LINE_BYTES:
            raise LineError("too_long")
        text = line.decode("utf-8", "surrogateescape")
        if line.startswith(b"#"):
            if line.startswith(_FIELDS):
                self._names = text[len(_FIELDS) :].split()
            raise LineError("directive")
        is_encoded = "\t" in text
        values = text.split("\t" if is_encoded else " ")
        if not self._names or len(values) != len(self._names):
            raise LineError("malformed")
        found = {name: known(value) for name, value in zip(self._names, values)}
        try:
            return _fields(found, _decoded_as_in_url if is_encoded else _decoded_plus)
        except KeyError as error:
            raise LineError(f"no_{error.args[0]}") from None


def _fields(found: Mapping[str, str], decoded: Callable[[str], str]) -> Fields:
    query = found.get("cs-uri-query", "")
    return (
        without_port(next(filter(None, map(found.get, _HOSTS)), "")),
        checked_address(found["c-ip"]),
        _seconds(found["date"], found["time"]),
        f"{found['cs-method']} {found['cs-uri-stem']}{query and '?' + query} HTTP/",
        found["sc-status"],
        decoded(found.get("cs(Referer)", "")),
        decoded(found["cs(User-Agent)"]),
    )


def _decoded_as_in_url(value: str) -> str:
    return unquote(value, errors="surrogateescape")


def _decoded_plus(value: str) -> str:
    return value.replace("+", " ")


def _seconds(date: str, time: str) -> float:
    try:
        return checked_seconds(datetime.fromisoformat(f"{date}T{time}+00:00").timestamp())
    except (ValueError, OverflowError):
        raise LineError("malformed") from None
