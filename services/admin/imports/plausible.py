"""Read the daily counts in an export of Plausible, a zip file with a CSV file for each report.

A day is one in the time zone of the site, which the export does not name. A name may have several
rows on a day, such as a page under two hosts or a referrer with two campaigns. Their page views add
up; their visitors only roughly, as one visitor may be in both.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from services.admin.imports.tables import open_archive, read_number, read_rows

LOST = (
    "Hours are not in the export: all views of a day are imported as of that day.",
    "The time zone of its days is not in the export: they are taken for days of the site here, so "
    "its zone must be set before.",
    "Which referrer brought views to which page is not in the export.",
    "Visitors of several pages, sources or days cannot be added up. The totals of the site are the "
    "approximate ones that Plausible counted.",
    "Entry and exit pages, custom events, locations, devices, browsers and systems are ignored.",
)
"""What an import cannot recover, to be said before it starts."""

_COUNTS = ("date", "visitors", "pageviews")


class DailyCount(NamedTuple):
    """What was counted on one day for one name."""

    day: date
    name: str
    visitors: int
    pageviews: int


def read_totals(path: str) -> Iterator[DailyCount]:
    """Yield the totals of the site, with the name "".

    This and the following functions read the zip file at path, and raise ImportFormatError if a
    table or a column is missing or a row is malformed, OSError if the file cannot be read.
    """
    return _read_table(path, "visitors", (), lambda names: "")


def read_pages(path: str) -> Iterator[DailyCount]:
    """Yield the counts of pages by path, such as "/about"."""
    return _read_table(path, "pages", ("page",), lambda names: names[0])


def read_referrers(path: str) -> Iterator[DailyCount]:
    """Yield the counts of referrers by host, or by Plausible's name of the source without one."""
    counts = _read_table(path, "sources", ("referrer", "source"), _referrer)
    return (count for count in counts if count.name)


def read_campaigns(path: str) -> Iterator[DailyCount]:
    """Yield the counts of campaigns by utm_campaign."""
    counts = _read_table(path, "sources", ("utm_campaign",), lambda names: names[0])
    return (count for count in counts if count.name)


def _referrer(names: Sequence[str]) -> str:
    referrer, source = names
    return referrer.partition("/")[0] or source


def _read_table(
    path: str, table: str, columns: Sequence[str], name: Callable[[Sequence[str]], str]
) -> Iterator[DailyCount]:
    """Yield the counts in a table, each for the name that is made of these columns."""

    def daily_count(row: tuple[str, ...]) -> DailyCount:
        day, visitors, pageviews, *names = row
        numbers = read_number(visitors), read_number(pageviews)
        return DailyCount(date.fromisoformat(day), name(names), *numbers)

    with open_archive(path) as archive:
        for member in archive.members(f"imported_{table}*.csv"):
            lines = archive.lines(member)
            yield from read_rows(lines, archive.label(member), (*_COUNTS, *columns), daily_count)
