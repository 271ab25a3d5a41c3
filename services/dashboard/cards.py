"""Make the cards of a site's page: its totals, and how they differ from those before."""

from dataclasses import dataclass

from libs.page_views.reports.answers import Measure, NotCounted, Report
from services.dashboard.numbers import NO_NUMBER, Change, bound, change, exact, short

_MOST_WITH_TENTHS = 999


@dataclass(frozen=True)
class Card:
    """A number of a site."""

    label: str
    number: str
    exact: str = ""
    change: Change | None = None


def cards(report: Report) -> list[Card]:
    """Return the cards of views, visitors, views per visitor, and requests that were filtered."""
    total, visitors = report.total, None
    views = Card("Views", NO_NUMBER)
    each = NO_NUMBER
    if isinstance(total, Measure):
        visitors = total.visitors
        sign = bound(total.may_be_more, total.may_be_less)
        shown = f"{sign}{short(total.views)}", f"{sign}{exact(total.views)}"
        views = Card("Views", *shown, _change(report, "views"))
        if visitors:
            ratio = total.views / visitors
            each = f"{ratio:.1f}" if ratio < _MOST_WITH_TENTHS else short(int(ratio))
    known = Card("Visitors", NO_NUMBER)
    if visitors is not None:
        known = Card("Visitors", short(visitors), exact(visitors), _change(report, "visitors"))
    filtered = Card("Filtered", NO_NUMBER)
    if not isinstance(report.drops, NotCounted):
        dropped = sum(report.drops.values())
        filtered = Card("Filtered", short(dropped), exact(dropped))
    return [
        views,
        known,
        Card("Views per visitor", each),
        filtered,
    ]


def _change(report: Report, name: str) -> Change | None:
    """Return how a number of the report differs from the one before, if both are known."""
    compared, before = report.compared_total, report.before
    if compared is None or isinstance(compared, NotCounted):
        return None
    if before is None or isinstance(before, NotCounted):
        return None
    now, then = getattr(compared, name), getattr(before, name)
    return None if now is None or then is None else change(now, then)
