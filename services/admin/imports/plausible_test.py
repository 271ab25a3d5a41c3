"""Tests of what is read in an export of Plausible."""

import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from services.admin.imports import tables
from services.admin.imports.errors import ImportFormatError
from services.admin.imports.plausible import (
    DailyCount,
    read_campaigns,
    read_pages,
    read_referrers,
    read_totals,
)

DAY = date(2026, 2, 9)
SUFFIX = "_20260209_20260210.csv"
FILES = {
    f"imported_visitors{SUFFIX}": (
        '"date","visitors","pageviews","bounces","visits","visit_duration"\n'
        '"2026-02-09",7,11,3,8,120\n'
        '"2026-02-10",2,2,1,2,0\n'
    ),
    f"imported_pages{SUFFIX}": (
        '"date","hostname","page","visits","visitors","pageviews","total_time_on_page"\n'
        '"2026-02-09","example.org","/a",8,7,11,1\n'
        '"2026-02-09","www.example.org","/a ""b"", c",1,1,2,1\n'
    ),
    f"imported_sources{SUFFIX}": (
        "date,source,referrer,utm_source,utm_medium,utm_campaign,utm_content,utm_term,"
        "pageviews,visitors,visits,visit_duration,bounces\n"
        '"2026-02-09","Hacker News","news.example/item?id=1",,,,,,5,4,4,1,1\n'
        '"2026-02-09","Google","","google","","spring","","",3,2,2,1,1\n'
        '"2026-02-09","","","","","","","",1,1,1,1,1\n'
    ),
    f"imported_entry_pages{SUFFIX}": "what it says does not matter\n",
}

Read = Callable[[str], Iterator[DailyCount]]


@pytest.fixture(name="export")
def _export(tmp_path: Path) -> Path:
    return tmp_path / "export.zip"


def write(export: Path, files: dict[str, str], directory: str = "") -> None:
    """Write an export."""
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(directory + name, content)


@pytest.mark.parametrize("directory", ["", "my export/"])
@pytest.mark.parametrize(
    ("read", "counts"),
    [
        (read_totals, [DailyCount(DAY, "", 7, 11), DailyCount(date(2026, 2, 10), "", 2, 2)]),
        (read_pages, [DailyCount(DAY, "/a", 7, 11), DailyCount(DAY, '/a "b", c', 1, 2)]),
        (read_referrers, [DailyCount(DAY, "news.example", 4, 5), DailyCount(DAY, "Google", 2, 3)]),
        (read_campaigns, [DailyCount(DAY, "spring", 2, 3)]),
    ],
)
def test_should_read_daily_counts(
    export: Path, directory: str, read: Read, counts: list[DailyCount]
) -> None:
    write(export, FILES, directory)
    assert list(read(str(export))) == counts


def test_should_read_several_files_of_a_table(export: Path) -> None:
    table = FILES[f"imported_visitors{SUFFIX}"]
    write(export, {"imported_visitors.csv": table, "imported_visitors_1_2.csv": table})
    assert len(list(read_totals(str(export)))) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"2026-02-10"', '"10.2.2026"', "line 3: Invalid isoformat string: '10.2.2026'"),
        ('"2026-02-10",2', '"2026-02-10",-2', "line 3: expected a number, not '-2'"),
        ('"2026-02-10",2', '"2026-02-10",１', "line 3: expected a number, not '１'"),
        ('"2026-02-10",2', '"2026-02-10",' + "9" * 16, "line 3: expected a number, not '9999"),
        ('"2026-02-10",2', '"2026-02-10",2,2', "line 3: 7 fields, but the header has 6"),
        ('"visitors","pageviews"', '"a","b"', "line 1: no column visitors, pageviews"),
    ],
)
def test_should_name_a_malformed_row(export: Path, old: str, new: str, message: str) -> None:
    # Given
    name = f"imported_visitors{SUFFIX}"
    write(export, {name: FILES[name].replace(old, new)})

    # Then
    with pytest.raises(ImportFormatError, match=f"{export}/{name}, {message}"):
        list(read_totals(str(export)))


def test_should_name_a_missing_table(export: Path) -> None:
    write(export, {})
    with pytest.raises(ImportFormatError, match=r"contains no file imported_pages\*\.csv"):
        list(read_pages(str(export)))


def test_should_refuse_what_is_no_zip_file(export: Path) -> None:
    export.write_text("date,visitors,pageviews\n")
    with pytest.raises(ImportFormatError, match=f"{export}: not a zip file"):
        list(read_totals(str(export)))


def test_should_refuse_too_many_files(export: Path) -> None:
    write(export, FILES | {str(n): "" for n in range(tables.MAX_FILES)})
    with pytest.raises(ImportFormatError, match="contains more than 1000 files"):
        list(read_totals(str(export)))


def test_should_refuse_another_compression(export: Path) -> None:
    with zipfile.ZipFile(export, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("imported_visitors.csv", "")
    with pytest.raises(ImportFormatError, match="a method other than deflate"):
        list(read_totals(str(export)))
