"""Find, sort and divide the rows of a table, as its page asks."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from libs.page_views.reports.answers import NotCounted, Table

ROWS_OF_A_PAGE = 100

SORTS = ("views", "visitors", "name")


@dataclass(frozen=True)
class RowList:
    """Which rows of a table are listed."""

    search: str = ""
    sort: str = SORTS[0]
    number: int = 1
    """Of the page, from 1 on."""

    @property
    def part(self) -> slice:
        """The rows of this page among those that were found."""
        return slice((self.number - 1) * ROWS_OF_A_PAGE, self.number * ROWS_OF_A_PAGE)

    @property
    def query(self) -> str:
        """What is added to the query of the address."""
        return urlencode({"search": self.search, "sort": self.sort, "n": self.number})

    def found(self, table: Table) -> Table:
        """Return the rows whose names contain the text, sorted."""
        if isinstance(table, NotCounted):
            return table
        wanted = self.search.casefold()
        rows = [item for item in table.items() if wanted in item[0].casefold()]
        if self.sort == "name":
            rows.sort()
        elif self.sort == "visitors":
            rows.sort(key=lambda item: item[1].visitors or 0, reverse=True)
        return dict(rows)

    def steps(self, count: int) -> list[tuple[str, "RowList"]]:
        """Return the pages before and after this one, and what they are called."""
        steps = [("Previous", -1)] if self.number > 1 else []
        if self.number * ROWS_OF_A_PAGE < count:
            steps.append(("Next", 1))
        return [(text, replace(self, number=self.number + step)) for text, step in steps]


def read_row_list(query: MultiDict[str, str]) -> RowList:
    """Return what a query asks for. Raises BadRequest."""
    sort, number = query.get("sort", SORTS[0]), query.get("n", "1")
    if sort not in SORTS:
        raise BadRequest(f"Rows are not sorted by {sort[:50]!r} but by {', '.join(SORTS)}.")
    if not (number.isascii() and number.isdecimal() and len(number) < 6 and int(number)):
        raise BadRequest(f"{number[:20]!r} is no number of a page.")
    return RowList(query.get("search", ""), sort, int(number))
