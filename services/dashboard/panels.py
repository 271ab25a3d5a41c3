"""Turn the tables of a report into rows that a page lists, each with the addresses it links to."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from libs.page_views.reading import OTHER, Kind
from libs.page_views.reports.answers import DIRECT, Measure, NotCounted, Report, Table
from services.dashboard.numbers import bound
from services.dashboard.question import NAMES, Address

TITLES = {Kind.PAGES: "Pages", Kind.REFERRERS: "Referrers", Kind.CAMPAIGNS: "Campaigns"}

SHOWN_ROWS = 10


@dataclass(frozen=True)
class Row:
    """A row of a table as it is shown."""

    name: str
    views: int
    visitors: int | None
    bound: str
    """What goes before its views if they are not exact, such as "≥ "."""
    href: str
    """The query of the page that counts only this row; "" if it cannot be asked for."""
    not_href: str
    """The query of the page that counts all others; "" if it cannot be asked for."""
    open_href: str
    """Where it is on the web, or ""."""


@dataclass(frozen=True)
class Panel:
    """A table as it is shown."""

    kind: Kind
    rows: tuple[Row, ...]
    count: int
    """How many rows the whole table has."""
    total: int
    """The views of all of them."""
    reason: str = ""
    """Why it has no rows, if they are not counted."""

    @property
    def title(self) -> str:
        """What is above it."""
        return TITLES[self.kind]

    @property
    def column(self) -> str:
        """What a row is, such as Page."""
        return self.title.removesuffix("s")

    @property
    def name(self) -> str:
        """What it is called in addresses, such as pages."""
        return self.kind.value


def panels(report: Report, address: Address, site: str) -> list[Panel]:
    """Return the panels of a site's page, each with the first rows of its table."""
    return [panel(kind, report.table(kind), address, site, slice(SHOWN_ROWS)) for kind in TITLES]


def panel(kind: Kind, table: Table, address: Address, site: str, part: slice) -> Panel:
    """Return a part of a table as a panel."""
    if isinstance(table, NotCounted):
        return Panel(kind, (), 0, 0, table.reason)
    total = sum(measure.views for measure in table.values())
    items = islice(table.items(), part.start, part.stop)  # of maybe 10,000
    rows = (_row(kind, name, measure, address, site) for name, measure in items)
    return Panel(kind, tuple(rows), len(table), total)


def drops_of(report: Report, with_today: bool) -> list[Row]:
    """Return how many requests were filtered, for each reason; nothing if that is not counted.

    With today, its numbers take the place of visitors.
    """
    if isinstance(report.drops, NotCounted):
        return []
    return [
        Row(
            reason.replace("_", " "),
            count,
            report.drops_today.get(reason, 0) if with_today else None,
            *("", "", "", ""),
        )
        for reason, count in report.drops.items()
    ]


def chips(address: Address) -> Iterator[tuple[str, str, str, bool]]:
    """Yield each filter: its kind, its row, the query without it, and whether it is negated."""
    for chosen in address.filters:
        for row in chosen.rows:
            without = address.without(chosen.kind, row).query
            yield NAMES[chosen.kind], row, without, chosen.negated


def _row(kind: Kind, name: str, measure: Measure, address: Address, site: str) -> Row:
    sign = bound(measure.may_be_more, measure.may_be_less)
    counts = measure.views, measure.visitors, sign
    if name == OTHER:
        return Row(name, *counts, "", "", "")
    href, not_href = (address.filtered(kind, name, negated).query for negated in (False, True))
    open_href = ""
    if kind is Kind.PAGES:
        open_href = f"https://{site}{name}"
    elif kind is Kind.REFERRERS and name != DIRECT:
        open_href = f"https://{name}"
    return Row(name, *counts, href, not_href, open_href)
