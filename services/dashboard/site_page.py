"""Show one site: its views and visitors over time, its pages, referrers and campaigns."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from libs.page_views.reading import Kind, RangeError
from libs.page_views.registry import UnknownSite
from libs.page_views.reports.answers import Interval, Measure, NotCounted, Opened, Report
from libs.page_views.reports.reader import Reader
from libs.page_views.sites import InvalidSite, site_name
from services.dashboard.cards import cards
from services.dashboard.downloads import TABLES, download
from services.dashboard.numbers import exact
from services.dashboard.panels import chips, drops_of, panel, panels
from services.dashboard.question import RANGES, Address, InvalidAddress, read_address
from services.dashboard.row_list import read_row_list
from services.dashboard.series import chart_of
from services.dashboard.tracker_address import EXAMPLE, tracker_from_environment

RANGE_NAMES = {
    "today": ("Today", ""),
    "7": ("7", "7 days"),
    "30": ("30", "30 days"),
    "90": ("90", "90 days"),
    "year": ("Year", "12 months"),
}
"""What the keys of RANGES are called, and what that means."""

MOST_LINKED_SITES = 100
"""Up to how many sites the page of each leads to."""

WAITING_SECONDS = 5
"""How often a page is loaded again that waits for the first view of its site."""


def site_page(reader: Reader) -> Blueprint:
    """Return the pages of one site. All links are relative, so that they may be shared, too."""
    blueprint = Blueprint("site", __name__, url_prefix="/sites/<name>")
    tracker = tracker_from_environment() or EXAMPLE

    @blueprint.get("/")
    def page(name: str) -> ResponseReturnValue:
        """Show a site."""
        opened, address, report = _read(reader, name)
        if "filter" in request.args:  # the form adds a filter
            return redirect(address.query)
        return _shown(opened, address, report)

    def _shown(opened: Opened, address: Address, report: Report) -> str:
        series = report.series
        return render_template(
            "site.html",
            **_frame(opened, address, report),
            tracker=tracker,
            waiting_seconds=WAITING_SECONDS,
            cards=cards(report),
            notes=_notes(report, address),
            last_day=_last_day(opened, report, address),
            chart=None if isinstance(series, NotCounted) else chart_of(series, address),
            interval_links=[
                (
                    each.value.capitalize(),
                    "",
                    address.by_interval(each).query,
                    each is address.interval,
                )
                for each in address.intervals
            ],
            panels=panels(report, address, opened.site.name),
            drops=drops_of(report, address.first < address.today <= address.last),
            no_drops=_no_drops(report),
        )

    @blueprint.get("/<any(pages, referrers, campaigns):table>")
    def rows(name: str, table: str) -> ResponseReturnValue:
        """Show all rows of a table, or those with a text, a hundred on each page."""
        opened, address, report = _read(reader, name)
        listed = read_row_list(request.args)
        kind = Kind(table)
        return render_template(
            "rows.html",
            **_frame(opened, address, report),
            listed=listed,
            panel=panel(
                kind, listed.found(report.table(kind)), address, opened.site.name, listed.part
            ),
        )

    @blueprint.get(f"/<any({', '.join(TABLES)}):table>.<any(csv, json):form>")
    def table_file(name: str, table: str, form: str) -> Response:
        """Give all rows of a table."""
        opened, address, report = _read(reader, name)
        return download(opened, address, report, table, form == "csv")

    return blueprint


def _read(reader: Reader, name: str) -> tuple[Opened, Address, Report]:
    """Return the site of the address, what it asks, and the answer."""
    try:
        opened = reader.open(site_name(name))
    except (InvalidSite, UnknownSite) as error:
        raise NotFound(f"There is no such site: {error}.") from error
    today = opened.now.date()
    is_new = len(opened.months) <= 1 and not opened.days.keys() - {today}
    try:
        address = read_address(request.args, today, is_new)
        return opened, address, reader.report(opened, address.question)
    except InvalidAddress as error:
        raise BadRequest(str(error)) from error
    except RangeError as error:
        raise BadRequest(f"This range cannot be read: {error}.") from error


def _frame(opened: Opened, address: Address, report: Report) -> dict[str, object]:
    """Return what the frame of every page of a site shows."""
    earlier, later = address.moved(-1), address.moved(1)
    return {
        "opened": opened,
        "site": opened.site,
        "address": address,
        "report": report,
        "site_links": _site_links(opened, address),
        "range_links": [
            (*RANGE_NAMES[name], address.of(name).query, name == address.range) for name in RANGES
        ],
        "shown_days": _shown_days(address),
        "earlier": earlier.query if earlier else "",
        "later": later.query if later else "",
        "chips": list(chips(address)),
        "comparison": _comparison(address),
    }


def _site_links(opened: Opened, address: Address) -> list[tuple[str, str, bool]]:
    """Return the links to all sites, to the same days: none if there are no or too many others.

    Who sees a shared site is shown no other.
    """
    if "shared_site" in g or not 1 < len(opened.names) <= MOST_LINKED_SITES:
        return []
    query = address.unfiltered().query
    return [
        (name, url_for(".page", name=name) + query, name == opened.site.name)
        for name in opened.names
    ]


def _notes(report: Report, address: Address) -> list[str]:
    """Return sentences about what the numbers are not."""
    notes = []
    if isinstance(report.series, NotCounted):
        notes.append(report.series.reason)
    else:
        if report.unplaced:
            place = "no bar" if report.unplaced > 0 else "bars, but of other days"
            notes.append(f"Views in {place}: {exact(abs(report.unplaced))}.")
        if report.unplaced or report.series[0].start.minute:
            notes.append(_why_unplaced(address.interval))
    if isinstance(report.total, Measure) and not report.total.views:
        filtered = " that fit the filters" if address.filters else ""
        notes.append(f"No views{filtered} from {address.first} to {address.last}.")
    return notes


def _why_unplaced(interval: Interval) -> str:
    """Return why bars may have fewer or more views than the total."""
    if interval is Interval.HOUR:
        return (
            "Hours are those of UTC: one in which a day begins counts with the day before, and"
            " views that were imported by day have none."
        )
    return "A day has room for fewer rows than its month, and counts the others as (other)."


def _no_drops(report: Report) -> str:
    """Return what to say if no filtered requests are listed."""
    return report.drops.reason if isinstance(report.drops, NotCounted) else "Nothing was filtered"


def _last_day(opened: Opened, report: Report, address: Address) -> Address | None:
    """Return the address of the last day with views, if there are none in these days."""
    nothing = isinstance(report.total, Measure) and not report.total.views
    if not nothing or address.filters or not opened.days:
        return None
    return address.between(max(opened.days), max(opened.days))


def _comparison(address: Address) -> str:
    """Return what changes are compared with."""
    if not address.compared:
        return ""
    if address.last < address.today:
        return "Changes: against the time before."
    if address.first < address.today:
        return "Changes: against the time before, without today, which is not over."
    return "Changes: against yesterday, until this hour."


def _shown_days(address: Address) -> str:
    """Return the days in words, such as 27 Oct – 25 Nov 2026."""
    first, last = address.first, address.last
    if first == last:
        return f"{last:%a, %-d %b %Y}"
    year = "" if first.year == last.year else f" {first:%Y}"
    return f"{first:%-d %b}{year} – {last:%-d %b %Y}"
