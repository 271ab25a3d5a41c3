"""Tests of what programs and spreadsheets are given."""

import csv
import io
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from libs.page_views.reading import Count
from libs.page_views.registry import Site
from libs.page_views.reports.answers import Bucket, Measure, NotCounted, Opened, Report
from services.dashboard.downloads import download
from services.dashboard.question import read_address

ZONE = ZoneInfo("Europe/Berlin")
DAY = datetime(2026, 11, 25, tzinfo=ZONE)
SITE = Site("v2:{1}", "example.org", ZONE, True, 0, 0)
OPENED = Opened(SITE, DAY, corrections=0, months={}, days={}, names=())
REPORT = Report(
    total=Measure(9, 5),
    compared_total=None,
    before=None,
    series=(
        Bucket(DAY, DAY + timedelta(days=1), Measure(9, 5), None, so_far=True),
        Bucket(DAY + timedelta(days=1), DAY + timedelta(days=2), Measure(0), None, future=True),
    ),
    pages={"/a,b": Measure(5, 4), "/c": Measure(4, None)},
    referrers=NotCounted("Referrers are not counted per campaign."),
    campaigns={"=1+1": Measure(1, 1), "-x": Measure(1, 1), "a=b": Measure(1, 1)},
    drops={"bot": 3},
    now=Count(),
)


def text_of(table: str, as_csv: bool = True) -> str:
    """Return a table as it is downloaded."""
    address = read_address(MultiDict({"range": "7", "page": "/a"}), date(2026, 11, 25), False)
    with Flask(__name__).app_context():
        return download(OPENED, address, REPORT, table, as_csv).get_data(as_text=True)


def test_should_write_csv() -> None:
    assert text_of("pages") == 'path,views,visitors\r\n"/a,b",5,4\r\n/c,4,\r\n'
    assert text_of("filtered") == "reason,requests\r\nbot,3\r\n"


def test_should_leave_out_what_is_to_come() -> None:
    assert text_of("series").splitlines() == [
        "start,views,visitors",
        "2026-11-25T00:00:00+01:00,9,5",
    ]


def test_should_write_nothing_that_a_spreadsheet_computes() -> None:
    cells = [row[0] for row in csv.reader(io.StringIO(text_of("campaigns")))]
    assert cells == ["campaign", "'=1+1", "'-x", "a=b"]


def test_should_write_json_that_says_what_it_is_of() -> None:
    with Flask(__name__).app_context():
        address = read_address(MultiDict({"range": "7", "page": "/a"}), date(2026, 11, 25), False)
        answer = download(OPENED, address, REPORT, "pages", as_csv=False).json
    assert answer == {
        "site": "example.org",
        "time_zone": "Europe/Berlin",
        "from": "2026-11-19",
        "to": "2026-11-25",
        "filters": [{"kind": "pages", "rows": ["/a"], "negated": False}],
        "pages": [
            {"path": "/a,b", "views": 5, "visitors": 4},
            {"path": "/c", "views": 4, "visitors": None},
        ],
    }


def test_should_refuse_what_is_not_counted() -> None:
    with pytest.raises(BadRequest, match="not counted per campaign"):
        text_of("referrers")
