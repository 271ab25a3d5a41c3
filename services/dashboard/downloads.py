"""Give what a page shows to spreadsheets and programs, as CSV and JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from flask import Response, jsonify
from werkzeug.exceptions import BadRequest

from libs.page_views.reading import Kind
from libs.page_views.reports.answers import Bucket, Measure, NotCounted, Opened, Report
from services.dashboard.question import Address

TABLES = ("series", "pages", "referrers", "campaigns", "filtered")

_Counted = TypeVar("_Counted")

_Rows = Sequence[Mapping[str, str | int | None]]


def download(
    opened: Opened, address: Address, report: Report, table: str, as_csv: bool
) -> Response:
    """Return a table of TABLES with all of its rows. Raises BadRequest if it is not counted."""
    rows = _rows(report, table)
    name = f"{opened.site.name}-{table}-{address.first}-{address.last}"
    if as_csv:
        response = Response(_csv(rows), mimetype="text/csv")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return response
    answer: dict[str, Any] = {
        "site": opened.site.name,
        "time_zone": opened.site.zone.key,
        "from": f"{address.first}",
        "to": f"{address.last}",
        "filters": [
            {"kind": each.kind.value, "rows": each.rows, "negated": each.negated}
            for each in address.filters
        ],
        table: rows,
    }
    return jsonify(answer)


def _rows(report: Report, table: str) -> _Rows:
    if table == "filtered":
        dropped = _counted(report.drops)
        return [{"reason": reason, "requests": count} for reason, count in dropped.items()]
    if table == "series":
        return [_bucket(bucket) for bucket in _counted(report.series) if not bucket.future]
    column = table.removesuffix("s").replace("page", "path")
    found = _counted(report.table(Kind(table)))
    return [{column: name, **_measure(measure)} for name, measure in found.items()]


def _counted(found: _Counted | NotCounted) -> _Counted:
    """Return what was found. Raises BadRequest if it is not counted."""
    if isinstance(found, NotCounted):
        raise BadRequest(found.reason)
    return found


def _bucket(bucket: Bucket) -> dict[str, str | int | None]:
    return {"start": bucket.start.isoformat(), **_measure(bucket.measure)}


def _measure(measure: Measure) -> dict[str, int | None]:
    return {"views": measure.views, "visitors": measure.visitors}


def _csv(rows: _Rows) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: str | int | None) -> str | int | None:
    """Return a cell that no spreadsheet takes for a formula. Source: OWASP, "CSV Injection"."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
