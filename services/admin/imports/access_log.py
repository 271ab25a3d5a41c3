"""Read the page views in an access log, for an import that may be repeated."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import tee
from typing import NamedTuple

from services.admin.imports.line_identity import line_digest
from services.admin.imports.log_fields import LineError
from services.admin.imports.log_formats import detect_format, line_parser

LOST = (
    "Views that never reached the server, from the cache of a browser or of a CDN, are not in it.",
    "Views within a page that loads content by JavaScript are not in it.",
    "Visitors are told apart by address and user agent alone, day by day.",
    "Bots that pretend to be a browser count as visitors, because they ran no script.",
    "The formats common and common-vhost have no referrers and no user agents: bots count too, and "
    "visitors who share an address are one.",
)
"""What an import cannot recover, to be said before it starts."""

_ORIGIN = re.compile("https?://[^/?]*", re.IGNORECASE)
_STATUSES = frozenset(("200", "304"))
_CACHED_CHARACTERS = 256  # of a request line: most are shorter, and memory stays small
_STATIC = frozenset(
    # styles, scripts, fonts and data of pages
    "css js mjs map json webmanifest wasm xml rss atom txt swf class ttf otf eot woff woff2 "
    # images, sound and video
    "gif jpg jpeg png apng bmp ico cur svg svgz webp avif tif tiff "
    "mp3 mp4 m4a m4v ogg oga ogv opus wav flac webm avi mov mkv m3u8 ts vtt "
    # downloads
    "pdf epub zip gz tgz tar bz2 xz zst 7z rar jar exe msi dmg pkg deb rpm apk iso bin "
    "csv doc docx xls xlsx ppt pptx odt ods odp".split()
)


class LoggedRequest(NamedTuple):
    """A page view in a log. What the client sent is as it was sent: not decoded, not cut.

    Bytes that are not UTF-8 are surrogates, as os.fsdecode makes them.
    """

    time: float
    """UTC seconds. A log may be some minutes out of order."""
    address: str
    """IPv4 or IPv6, without a zone."""
    user_agent: str
    path: str
    """It begins with "/" and has the query."""
    referrer: str
    """An address of a page in any form, or ""."""
    host: str
    """The virtual host without port, or "" if the format has none."""
    digest: bytes
    """The digest of the line, for LineNonces."""


def read_views(
    lines: Iterable[bytes], format_name: str | None, problems: Counter[str]
) -> Iterator[LoggedRequest]:
    """Yield the page views among lines, in a format of log_formats or the one they seem to have.

    A page view is a GET over HTTP, answered with 200 or 304, of what is not a static file. Every
    other line is counted in problems by its reason: that of the parser's LineError, "not_http",
    "not_get", "status" or "static". Raises ImportFormatError if the format is unknown.
    """
    if format_name is None:
        lines, ahead = tee(lines)
        format_name = detect_format(ahead)
        del ahead  # or tee would keep all lines for it
    parse = line_parser(format_name)
    for line in lines:
        line = line.rstrip(b"\r\n")
        try:
            host, address, time, request, status, referrer, user_agent = parse(line)
        except LineError as error:
            problems[str(error)] += 1
            continue
        page = (_cached_page if len(request) <= _CACHED_CHARACTERS else _page)(request, status)
        if page.startswith("/"):
            yield LoggedRequest(time, address, user_agent, page, referrer, host, line_digest(line))
        else:
            problems[page] += 1


def _page(request: str, status: str) -> str:
    """Return the path and query of a page that was viewed, or one word for why none was."""
    parts = request.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/"):
        return "not_http"
    method, target, _ = parts
    path = target if target.startswith("/") else _path_of_url(target)
    if method != "GET":
        return "not_get"
    if status not in _STATUSES:
        return "status"
    if not path:
        return "not_http"
    if "." in path and _is_static(path.partition("?")[0]):
        return "static"
    return path


_cached_page = lru_cache(1024)(_page)


def _path_of_url(target: str) -> str:
    """Return the path and query of http://host/path?query, or "" if it is none."""
    if not (origin := _ORIGIN.match(target)):
        return ""
    rest = target[origin.end() :]
    return rest if rest.startswith("/") else f"/{rest}"


def _is_static(page: str) -> bool:
    return page.rpartition(".")[2].lower() in _STATIC or page.startswith("/.well-known/")
