"""Give each page one path, however the addresses that lead to it are written.

The rule, in this order:

1. Of a URL, only path and query count: scheme, host and fragment go, and spaces around it.
2. Percent-encoding is decoded and written anew: bare where RFC 3986 permits it, else as UTF-8 in
   upper-case hexadecimal. A "%" without two hexadecimal digits stands for itself. Encoded
   delimiters stay encoded ("%2F" is no "/"), and a backslash is a character like any other.
3. Characters are composed (Unicode NFC), so that both ways to write "é" are the same.
4. Parameters that only track visitors go, from the query and from segments (";jsessionid=1"),
   whatever the case of their names. The others are kept: in segments as they are, in the query
   sorted, "+" as a space, and without "=" if the value is empty.
5. Segments that are empty or "." go; ".." takes the segment before with it. So there is one slash
   between segments, one at the start and none at the end.

The case of letters is kept, for it can tell pages apart. A path is refused if it, or what it
becomes, has more than 2,048 characters, if it has a control character (U+0000-1F, U+007F-9F), or
if it is not UTF-8. What goes away unread, as the value of a tracking parameter does, may hold
anything.
"""

import re
from functools import lru_cache
from typing import Literal
from unicodedata import normalize
from urllib.parse import quote, unquote_to_bytes

MAX_CHARACTERS = 2048

Reason = Literal["control", "long", "utf8"]

_MESSAGES: dict[Reason, str] = {
    "control": "the path has a control character",
    "long": f"the path has more than {MAX_CHARACTERS} characters",
    "utf8": "the path is not UTF-8",
}

# What GoatCounter, Matomo and Umami strip or know: click identifiers, sessions, mailings.
_TRACKING = frozenset("""
    aspsessionid continueflag dclid doing_wp_cron epik fb_comment_id fb_xd_fragment fbclid gbraid
    gclid isappinstalled jsessionid li_fat_id mc_cid mc_eid msclkid nsukey phpsessid pk_vid rdt_cid
    ref sessionid sid ttclid twclid wbraid yclid
    """.split())
_TRACKING_PREFIXES = ("__cf_chl_", "_x_tr_", "utm_")

# The delimiters of RFC 3986 that stand for themselves, besides letters, digits and "-._~".
# ";" divides a segment; "&", "=" and "+" have a meaning in the query.
_BARE_IN_PATH = "!$&'()*+,=:@"
_BARE_IN_QUERY = "!$'()*,;:@/?"

_ORIGIN = re.compile(r"https?://[^/]*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*+)++")  # most paths: normal as they are

_CACHED_PATHS = 2048  # 21 MB of memory, if all are as long as they can be


class InvalidPath(ValueError):
    """A path that cannot be counted; the attribute reason says why, in one word."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


def normalise_path(path: str) -> str:
    """Return the one path of a page: ASCII, with its query, the same when normalised again.

    Raises InvalidPath, and nothing else, whatever the text.
    """
    normal, reason = _outcome(path) if len(path) <= MAX_CHARACTERS else ("", "long")
    if reason:
        raise InvalidPath(reason)
    return normal


@lru_cache(_CACHED_PATHS)
def _outcome(path: str) -> tuple[str, Reason | None]:
    """Return the normal path, or why there is none: lru_cache remembers no exceptions."""
    try:
        normal = _normalised(path)
    except InvalidPath as error:
        return "", error.reason
    return (normal, None) if len(normal) <= MAX_CHARACTERS else ("", "long")


def _normalised(url: str) -> str:
    if _PLAIN.fullmatch(url):
        return url
    address, _, query = url.strip(" ").partition("#")[0].partition("?")
    segments: list[str] = []
    for segment in map(_segment, _ORIGIN.sub("", address, count=1).split("/")):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    parameters = sorted(filter(None, map(_parameter, query.split("&"))))
    return "/" + "/".join(segments) + ("?" + "&".join(parameters) if parameters else "")


def _segment(text: str) -> str:
    name, *parameters = map(_decoded, text.split(";"))
    kept = (text for text in parameters if not _is_tracking(text.partition("=")[0]))
    return ";".join(quote(text, _BARE_IN_PATH) for text in (name, *kept))


def _parameter(text: str) -> str:
    """Return a parameter of the query, or nothing if it is a tracking parameter."""
    name, _, value = text.replace("+", " ").partition("=")
    name = _decoded(name)
    if _is_tracking(name):
        return ""
    value = _decoded(value)
    return quote(name, _BARE_IN_QUERY) + (value and "=" + quote(value, _BARE_IN_QUERY))


def _is_tracking(name: str) -> bool:
    name = name.lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)


def _decoded(text: str) -> str:
    try:
        decoded = normalize("NFC", unquote_to_bytes(text).decode())
    except UnicodeError as error:
        raise InvalidPath("utf8") from error
    if _CONTROL.search(decoded):
        raise InvalidPath("control")
    return decoded
