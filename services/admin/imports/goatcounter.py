"""Read the exports of GoatCounter: page views from its CSV, hourly counts from its JSON."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from sys import getsizeof
from typing import IO, NamedTuple, TypeVar, cast

from services.admin.imports.errors import ImportFormatError
from services.admin.imports.tables import (
    Archive,
    open_archive,
    read_lines,
    read_number,
    read_objects,
    read_rows,
)

CSV_VERSION = "2"
JSON_VERSION = "1"

MAX_NAMES_BYTES = 256 * 1024**2
"""For all paths, and again for all referrers, of a JSON export; they are kept in memory."""

CSV_LOST = (
    'Views from before "Individual pageviews" was switched on are not in the export.',
    "Browsers, systems, screen sizes, locations and page titles are ignored.",
    "Events are ignored.",
    "Visitors are GoatCounter's sessions: who comes back after some hours is a new one.",
)
JSON_LOST = (
    "Views are not in the export, only visits: one for each visitor and page, however often it "
    "was viewed. A visit is imported as a view.",
    "Visitors are not in the export: who visited two pages, or in two hours, is not known. None "
    "are imported.",
    "Times are known to the hour.",
    "Browsers, systems, screen sizes, locations, languages and page titles are ignored.",
    "Events are ignored.",
)
"""What an import of each format cannot recover, to be said before it starts."""

_Row = TypeVar("_Row")

_COLUMNS = ("Path", "Event", "Session", "Bot", "Referrer", "Referrer scheme", "FirstVisit", "Date")
_HIT_STATS = {"hour": str, "path_id": int, "ref_id": int, "count": int}
_INFO_LINES = 100
_FLAGS = {"0": False, "false": False, "1": True, "true": True}
_GZIP_MAGIC = b"\x1f\x8b"


class PageView(NamedTuple):
    """One view of a page."""

    time: float
    """UTC seconds."""
    path: str
    referrer: str
    """A host, or GoatCounter's name for several, such as Google, or ""."""
    campaign: str
    session: str
    first_visit: bool
    """Whether this is the first view of the page in its session."""


class HourlyCount(NamedTuple):
    """The visits of a page from one referrer that began within an hour."""

    hour: float
    """UTC seconds of its beginning."""
    path: str
    referrer: str
    """As in PageView."""
    campaign: str
    visits: int


def read_csv(path: str, problems: Counter[str]) -> Iterator[PageView]:
    """Yield the page views in a CSV export, compressed by gzip or not.

    Rows that are no page view are counted in problems, as "event" or "bot". Raises
    ImportFormatError if the export has another version or a row is malformed, OSError if the file
    cannot be read.
    """
    with open(path, "rb") as file:
        compressed = file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
        source = cast(IO[bytes], gzip.open(file)) if compressed else file
        lines = read_lines(source, path)
        header = next(lines, "")
        if header[:1] != CSV_VERSION:
            reason = f"expected version {CSV_VERSION} of GoatCounter's export, not {header[:1]!r}"
            raise ImportFormatError(path, 1, reason)
        for view in read_rows(chain([header[1:]], lines), path, _COLUMNS, _page_view):
            if isinstance(view, str):
                problems[view] += 1
            else:
                yield view


def read_json(path: str, problems: Counter[str]) -> Iterator[HourlyCount]:
    """Yield the hourly counts in a JSON export, a zip file.

    Visits of events are added up in problems, as "event". Raises ImportFormatError if the export
    has another version or a row is malformed, OSError if the file cannot be read.
    """
    with open_archive(path) as archive:
        _check_json_version(archive)
        pages = _read_names(archive, "paths", "path")
        referrers = _read_names(archive, "refs", "ref", "ref_scheme")

        def hourly_count(hour: str, page: int, referrer: int, visits: int) -> HourlyCount:
            if page not in pages or referrer not in referrers:
                raise ValueError(f"no path has the id {page}, or no referrer the id {referrer}")
            name, campaign = _referrer(*referrers[referrer])
            count = read_number(str(visits))
            return HourlyCount(_time(hour), pages[page][0], name, campaign, count)

        for count in _read_table(archive, "hit_stats", _HIT_STATS, hourly_count):
            if count.path.startswith("/"):
                yield count
            else:
                problems["event"] += count.visits


def _page_view(row: tuple[str, ...]) -> PageView | str:
    """Return the page view in a row of a CSV export, or the reason why there is none."""
    page, event, session, bot, referrer, scheme, first_visit, date = row
    if _flag(event):
        return "event"
    if read_number(bot):
        return "bot"
    return PageView(_time(date), page, *_referrer(referrer, scheme), session, _flag(first_visit))


def _check_json_version(archive: Archive) -> None:
    member = archive.members("info.json")[0]
    file = archive.label(member)
    try:
        content = "".join(islice(archive.lines(member), _INFO_LINES))
        version = str(json.loads(content)["export_version"])
    except (json.JSONDecodeError, LookupError, TypeError, RecursionError) as error:
        raise ImportFormatError(file, 0, "expected an object with export_version") from error
    if version.partition(".")[0] != JSON_VERSION:
        reason = f"expected version {JSON_VERSION} of GoatCounter's export, not {version[:40]!r}"
        raise ImportFormatError(file, 0, reason)


def _read_names(archive: Archive, table: str, *keys: str) -> dict[int, tuple[str, ...]]:
    """Return these texts of every row of a table by its id."""
    names: dict[int, tuple[str, ...]] = {}
    size = 0

    def keep(row_id: int, *texts: str) -> None:
        nonlocal size
        size += sum(map(getsizeof, (row_id, texts, *texts)))
        if size > MAX_NAMES_BYTES:
            raise ValueError(f"the rows need over {MAX_NAMES_BYTES} bytes")
        names[row_id] = texts

    types = {"id": int, **dict.fromkeys(keys, str)}
    for _ in _read_table(archive, table, types, keep):
        pass
    return names


def _read_table(
    archive: Archive, table: str, types: Mapping[str, type], convert: Callable[..., _Row]
) -> Iterator[_Row]:
    for member in archive.members(f"{table}.jsonl"):
        yield from read_objects(archive.lines(member), archive.label(member), types, convert)


def _referrer(text: str, scheme: str) -> tuple[str, str]:
    """Return the referrer and the campaign."""
    if scheme == "c":
        return "", text
    return text.partition("/")[0] if scheme == "h" else text, ""


def _flag(text: str) -> bool:
    if text not in _FLAGS:
        raise ValueError(f"expected 0 or 1, not {text[:40]!r}")
    return _FLAGS[text]


def _time(text: str) -> float:
    """Return the UTC seconds of an ISO 8601 time with its zone."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None or time.year < 1971:
        raise ValueError(f"expected a time after 1970, with its zone, not {text!r}")
    return time.timestamp()
