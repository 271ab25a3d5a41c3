"""Show all sites, a row each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from libs.page_views.reading import Count
from libs.page_views.reports.answers import Overview
from libs.page_views.reports.reader import Reader
from services.dashboard.numbers import Change, change
from services.dashboard.sparklines import Sparkline, sparkline

MOST_SHOWN = 100
"""How many sites the page shows; a search finds the others."""

SEARCHED = 10
"""From more sites than these on, there is a search."""

_BY_NAME = "name"


@dataclass(frozen=True)
class _Row:  # pylint: disable=too-many-instance-attributes  # one per cell
    """A site, or all of them together."""

    name: str
    now: Count
    today: Count
    yesterday: Count
    month: Count
    """Of the last 30 days."""
    spark: Sparkline
    yesterday_so_far: int | None
    """Its views until this hour, if they are known."""
    change: Change | None
    """Of today since then."""


_ORDERS: dict[str, Callable[[_Row], Any]] = {
    _BY_NAME: lambda row: row.name,
    "now": lambda row: -row.now.visitors,
    "today": lambda row: -row.today.views,
    "yesterday": lambda row: -row.yesterday.views,
    "month": lambda row: -row.month.views,
}
"""What ?sort= may be."""


def sites_page(reader: Reader) -> Blueprint:
    """Return the page of all sites."""
    blueprint = Blueprint("sites", __name__)

    @blueprint.get("/")
    def page() -> ResponseReturnValue:
        """Show the sites whose names contain ?search=, in the order of ?sort=; else by name."""
        overviews = reader.overviews()
        search = request.args.get("search", "").strip().casefold()
        found = [each for each in overviews if search in each.site.name]
        sort = request.args.get("sort", _BY_NAME)
        sort = sort if sort in _ORDERS else _BY_NAME
        return render_template(
            "sites.html",
            rows=sorted(map(_row, found), key=_ORDERS[sort])[:MOST_SHOWN],
            total=_total(found),
            found=len(found),
            search=search,
            searchable=len(overviews) > SEARCHED,
            any_site=bool(overviews),
            sort=sort,
        )

    return blueprint


def _row(overview: Overview) -> _Row:
    return _Row(
        overview.site.name,
        overview.now,
        overview.today,
        overview.yesterday,
        _sum(overview.last_days),
        sparkline([day.views for day in overview.last_days]),
        overview.yesterday_so_far,
        _change(overview.today_so_far, overview.yesterday_so_far),
    )


def _total(overviews: Iterable[Overview]) -> _Row:
    """Add up all sites. A visitor of two of them counts twice."""
    overviews = list(overviews)
    days = [_sum(counts) for counts in zip(*(overview.last_days for overview in overviews))]
    today_so_far = _all(overview.today_so_far for overview in overviews)
    yesterday_so_far = _all(overview.yesterday_so_far for overview in overviews)
    return _Row(
        "All sites",
        _sum(overview.now for overview in overviews),
        _sum(overview.today for overview in overviews),
        _sum(overview.yesterday for overview in overviews),
        _sum(days),
        sparkline([day.views for day in days]),
        yesterday_so_far,
        _change(today_so_far, yesterday_so_far),
    )


def _change(today: int | None, yesterday: int | None) -> Change | None:
    """Compare today with yesterday until this hour, if both are known."""
    return None if today is None or yesterday is None else change(today, yesterday)


def _all(numbers: Iterable[int | None]) -> int | None:
    """Add up numbers if all of them are known."""
    known = list(numbers)
    return None if None in known else sum(number or 0 for number in known)


def _sum(counts: Iterable[Count]) -> Count:
    counts = list(counts)
    return Count(sum(count.views for count in counts), sum(count.visitors for count in counts))
