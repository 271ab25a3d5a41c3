"""Make rows for each day of the counts in the exports of GoatCounter and Plausible."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

from libs.page_views.daily_import import HOURS, TOTAL, Row
from libs.page_views.judging import INVALID_PATH, REFERRER_SPAM
from libs.page_views.paths import InvalidPath, normalise_path
from libs.page_views.reading import Kind
from libs.page_views.referrer_spam import is_referrer_spam
from libs.page_views.registry import Site
from libs.page_views.sources import MAX_CAMPAIGN_CHARACTERS
from services.admin.imports.goatcounter import HourlyCount, read_json
from services.admin.imports.plausible import (
    DailyCount,
    read_campaigns,
    read_pages,
    read_referrers,
    read_totals,
)

_MAX_REFERRER_CHARACTERS = 253

PLAUSIBLE_TABLES = {
    TOTAL: read_totals,
    Kind.PAGES.value: read_pages,
    Kind.REFERRERS.value: read_referrers,
    Kind.CAMPAIGNS.value: read_campaigns,
}
"""What to read the tables of Plausible's export with, by the table to which its rows go."""


def goatcounter_rows(path: str, site: Site, problems: Counter[str]) -> Iterator[Row]:
    """Yield the rows of GoatCounter's JSON export. What is left out is counted in problems."""
    for count in read_json(path, problems):
        try:
            yield from _rows_of_hour(count, site)
        except _LeftOut as error:
            problems[str(error)] += count.visits


def plausible_rows(path: str, table: str, problems: Counter[str]) -> Iterator[Row]:
    """Yield the rows of a table of PLAUSIBLE_TABLES. What is left out is counted in problems."""
    clean: Callable[[str], str] = {
        Kind.PAGES.value: _page,
        Kind.REFERRERS.value: _referrer,
        Kind.CAMPAIGNS.value: _campaign,
    }.get(table, str)
    count: DailyCount
    for count in PLAUSIBLE_TABLES[table](path):
        try:
            yield Row(count.day, table, clean(count.name), count.pageviews, count.visitors)
        except _LeftOut as error:
            problems[str(error)] += count.pageviews


class _LeftOut(Exception):
    """A count is not imported; the message is one word for the reason."""


def _rows_of_hour(count: HourlyCount, site: Site) -> Iterator[Row]:
    page, referrer, campaign = (
        _page(count.path),
        _referrer(count.referrer),
        _campaign(count.campaign),
    )
    utc = datetime.fromtimestamp(count.hour, timezone.utc)
    if ignored := site.why_ignored(b"", page):
        raise _LeftOut(ignored)
    names = {TOTAL: "", HOURS: f"{utc:%Y-%m-%d %H}", Kind.PAGES.value: page}
    if campaign:
        names[Kind.CAMPAIGNS.value] = campaign
    if referrer:
        names[Kind.REFERRERS.value] = referrer
        names[Kind.PAIRS.value] = f"{page} {referrer}"
    day = utc.astimezone(site.zone).date()
    for table, name in names.items():
        yield Row(day, table, name, count.visits, 0)


def _page(name: str) -> str:
    try:
        return normalise_path(name)
    except InvalidPath as error:
        raise _LeftOut(INVALID_PATH) from error


def _referrer(name: str) -> str:
    if is_referrer_spam(name):
        raise _LeftOut(REFERRER_SPAM)
    return name[:_MAX_REFERRER_CHARACTERS]


def _campaign(name: str) -> str:
    return name[:MAX_CAMPAIGN_CHARACTERS]
