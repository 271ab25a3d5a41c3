"""Tests of what is read in the exports of GoatCounter."""

import contextlib
import gzip
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.admin.imports import goatcounter, tables
from services.admin.imports.errors import ImportFormatError
from services.admin.imports.goatcounter import HourlyCount, PageView, read_csv, read_json
from services.admin.imports.testing import memory_below

HEADER = (
    "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,"
    "Location,FirstVisit,Date\n"
)
TIME = "2026-03-01T09:30:00Z"
SECONDS = datetime.fromisoformat(TIME).timestamp()


FIELDS = {
    "path": "/a",
    "title": "A",
    "event": "0",
    "bot": "0",
    "referrer": "",
    "scheme": "",
    "first": "1",
    "date": TIME,
}


def row(**fields: str) -> str:
    """Return a row of the CSV export, with these fields changed."""
    line = (
        '{path},"{title}",{event},,Firefox 145,Linux,1f3c-9d2e,{bot},{referrer},{scheme},'
        '"1280,0,1",DE-BE,{first},{date}\n'
    )
    return line.format(**FIELDS | fields)


@pytest.fixture(name="export")
def _export(tmp_path: Path) -> Path:
    return tmp_path / "export"


def views(export: Path, content: str) -> tuple[list[PageView], Counter[str]]:
    """Return the page views in a CSV export, and what else is in it."""
    export.write_bytes(content.encode())
    problems: Counter[str] = Counter()
    return list(read_csv(str(export), problems)), problems


@pytest.mark.parametrize(
    ("row_of_one", "view"),
    [
        (row(), PageView(SECONDS, "/a", "", "", "1f3c-9d2e", True)),
        (row(first="false", event="false"), PageView(SECONDS, "/a", "", "", "1f3c-9d2e", False)),
        (row(title='A ""b"",\nc'), PageView(SECONDS, "/a", "", "", "1f3c-9d2e", True)),
        (row(path='"/a,b?c"'), PageView(SECONDS, "/a,b?c", "", "", "1f3c-9d2e", True)),
        (
            row(referrer="news.example/x/y", scheme="h"),
            PageView(SECONDS, "/a", "news.example", "", "1f3c-9d2e", True),
        ),
        (
            row(referrer="Hacker News", scheme="g"),
            PageView(SECONDS, "/a", "Hacker News", "", "1f3c-9d2e", True),
        ),
        (
            row(referrer="android-app://com.example", scheme="o"),
            PageView(SECONDS, "/a", "android-app://com.example", "", "1f3c-9d2e", True),
        ),
        (
            row(referrer="spring/sale", scheme="c"),
            PageView(SECONDS, "/a", "", "spring/sale", "1f3c-9d2e", True),
        ),
        (
            row(date="2026-03-01T10:30:00+01:00"),
            PageView(SECONDS, "/a", "", "", "1f3c-9d2e", True),
        ),
    ],
)
def test_should_read_a_page_view(export: Path, row_of_one: str, view: PageView) -> None:
    assert views(export, HEADER + "\n" + row_of_one + "\n") == ([view], Counter())


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content,
    ],
)
def test_should_read_an_export_however_it_was_saved(
    export: Path, pack: Callable[[bytes], bytes]
) -> None:
    export.write_bytes(pack((HEADER + row() + row(path="/b")).encode()))
    assert [view.path for view in read_csv(str(export), Counter())] == ["/a", "/b"]


def test_should_count_what_is_no_page_view(export: Path) -> None:
    content = HEADER + row(path="click", event="1") + row(event="true") + row(bot="3") + row()
    found, problems = views(export, content)
    assert len(found) == 1
    assert problems == {"event": 2, "bot": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: expected version 2 of GoatCounter's export, not ''"),
        (HEADER.replace("2P", "3P"), "line 1: expected version 2 of GoatCounter's export, not '3'"),
        ("PK\x03\x04", "line 1: expected version 2 of GoatCounter's export, not 'P'"),
        (HEADER.replace("Session", "S"), "line 1: no column Session"),
        (HEADER + row() + "/a,b\n", "line 3: 2 fields, but the header has 14"),
        (HEADER + row(event="2"), "line 2: expected 0 or 1, not '2'"),
        (HEADER + row(first=""), "line 2: expected 0 or 1, not ''"),
        (HEADER + row(bot="-1"), "line 2: expected a number, not '-1'"),
        (HEADER + row(date="1 March"), "line 2: Invalid isoformat string: '1 March'"),
        (HEADER + row(date=TIME[:-1]), "line 2: expected a time after 1970, with its zone, not"),
        (HEADER + row(date="0001-01-01T00:00:00Z"), "line 2: expected a time after 1970"),
        (HEADER + row(title='"a'), "line 2: ',' expected after '\"'"),
        (HEADER + row() + '/b,"B', "line 3: unexpected end of data"),
        (HEADER + row(path="/" + "a" * tables.MAX_LINE_BYTES), "line 2: longer than 65536 bytes"),
        (HEADER + '"' + ("a" * 60_000 + "\n") * 3, "line 4: field larger than field limit"),
    ],
)
def test_should_refuse_a_malformed_export(export: Path, content: str, message: str) -> None:
    with pytest.raises(ImportFormatError, match=re.escape(f"{export}, {message}")):
        views(export, content)


@settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    pieces=st.lists(st.sampled_from([*row(), TIME, "\n", "\0", "é", row()]) | st.text(max_size=2))
)
def test_should_only_fail_with_the_line(export: Path, pieces: list[str]) -> None:
    with contextlib.suppress(ImportFormatError):
        views(export, HEADER + "".join(pieces))


def test_should_refuse_what_is_not_utf_8(export: Path) -> None:
    export.write_bytes(HEADER.encode() + row().encode().replace(b"/a", b"/\xff"))
    with pytest.raises(ImportFormatError, match="line 2: not UTF-8"):
        list(read_csv(str(export), Counter()))


def test_should_report_a_truncated_export(export: Path) -> None:
    export.write_bytes(gzip.compress((HEADER + row()).encode())[:-9])
    with pytest.raises(ImportFormatError, match="damaged or incomplete"):
        list(read_csv(str(export), Counter()))


def test_should_stop_at_a_bomb(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 1_000_000)
    with gzip.open(export, "wt", compresslevel=1) as file:
        file.write(HEADER)
        for _ in range(20):
            file.write(row() * 1000)

    # Then
    with memory_below(500_000), pytest.raises(ImportFormatError, match="over 1000000 bytes"):
        for _ in read_csv(str(export), Counter()):
            pass


FILES: dict[str, list[dict[str, object]]] = {
    "info.json": [{"export_version": "1.0", "created_for": "example.org"}],
    "paths.jsonl": [
        {"id": 211, "path": "/", "title": "Home"},
        {"id": 215, "path": "click", "title": "", "event": True},
    ],
    "refs.jsonl": [
        {"id": 1, "ref": "", "ref_scheme": "o"},
        {"id": 2, "ref": "news.example/x", "ref_scheme": "h"},
        {"id": 3, "ref": "spring", "ref_scheme": "c"},
    ],
    "hit_stats.jsonl": [
        {"hour": "2026-03-01T09:00:00Z", "path_id": 211, "ref_id": 2, "count": 4},
        {"hour": "2026-03-01T09:00:00Z", "path_id": 215, "ref_id": 1, "count": 7},
        {"hour": "2026-03-01T10:00:00Z", "path_id": 211, "ref_id": 3, "count": 1},
    ],
}
COUNTS = [
    HourlyCount(SECONDS - 1800, "/", "news.example", "", 4),
    HourlyCount(SECONDS + 1800, "/", "", "spring", 1),
]


def write_archive(export: Path, files: dict[str, list[dict[str, object]]]) -> None:
    """Write a JSON export."""
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, objects in files.items():
            archive.writestr(f"export-1/{name}", "".join(json.dumps(o) + "\n" for o in objects))


def test_should_read_hourly_counts(export: Path) -> None:
    write_archive(export, FILES)
    problems: Counter[str] = Counter()
    assert list(read_json(str(export), problems)) == COUNTS
    assert problems == {"event": 7}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("info.json", {"export_version": 1.0}, ""),
        ("info.json", {"export_version": "1.3"}, ""),
        ("info.json", {"a": [{}] * 100_000}, "info.json, line 1: longer than 65536 bytes"),
        ("info.json", {"export_version": "2.0"}, "expected version 1 of GoatCounter's export"),
        ("info.json", {}, "info.json: expected an object with export_version"),
        ("paths.jsonl", {"id": 1}, "line 1: expected an object with id (int), path (str)"),
        ("paths.jsonl", {"id": 211, "path": 1}, "line 1: expected an object with id (int), path"),
        ("refs.jsonl", {"id": "1"}, "line 1: expected an object with id (int), ref (str)"),
        ("refs.jsonl", {"id": 4, "ref": "", "ref_scheme": "h"}, "line 1: no path has the id 211"),
        (
            "hit_stats.jsonl",
            {"hour": "now", "path_id": 211, "ref_id": 1, "count": 1},
            "Invalid iso",
        ),
        (
            "hit_stats.jsonl",
            {"hour": TIME, "path_id": 211, "ref_id": 1, "count": -1},
            "line 1: expected a number, not '-1'",
        ),
    ],
)
def test_should_check_a_json_export(
    export: Path, name: str, content: dict[str, object], message: str
) -> None:
    # Given
    write_archive(export, FILES | {name: [content]})

    # Then
    if message:
        with pytest.raises(ImportFormatError, match=re.escape(message)):
            list(read_json(str(export), Counter()))
    else:
        assert list(read_json(str(export), Counter())) == COUNTS


@pytest.mark.parametrize("missing", FILES)
def test_should_name_a_missing_file(export: Path, missing: str) -> None:
    write_archive(export, {name: rows for name, rows in FILES.items() if name != missing})
    with pytest.raises(ImportFormatError, match=f"{export}: contains no file {missing}"):
        list(read_json(str(export), Counter()))


def test_should_keep_a_bounded_number_of_names(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goatcounter, "MAX_NAMES_BYTES", 10_000)
    write_archive(export, FILES | {"paths.jsonl": [{"id": n, "path": "/"} for n in range(1000)]})
    with pytest.raises(ImportFormatError, match="the rows need over 10000 bytes"):
        list(read_json(str(export), Counter()))


def test_should_only_raise_errors_of_the_format(export: Path) -> None:
    # Given
    write_archive(export, FILES)
    whole = export.read_bytes()

    # When
    messages = set()
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
            export.write_bytes(damaged)
            try:
                list(read_json(str(export), Counter()))
            except ImportFormatError as error:
                messages.add(str(error))

    # Then
    assert all(message.startswith(str(export)) for message in messages)
    assert len(messages) > 10
