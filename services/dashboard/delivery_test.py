"""Tests that pages come compressed, and that browsers keep their files until these change."""

import gzip
import re
from pathlib import Path

import pytest
import redis
from flask import render_template
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.dashboard.app import create_app
from services.dashboard.delivery import asset

FILES = Path(__file__).with_name("static")
CSS = "/dashboard/static/dashboard.css"
GZIP = {"Accept_Encoding": "br, gzip"}
MOST_BYTES = 12 * 1024
"""Of all files, compressed: a fifth of what a page may load, so that numbers have room."""


def get(http_client: FlaskClient, path: str, **headers: str) -> TestResponse:
    """Return an answer that is read to its end, so that no file stays open."""
    return http_client.get(
        path,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        buffered=True,
    )


@pytest.fixture(name="http_client")
def _http_client() -> FlaskClient:
    """Return a client of a dashboard with one more page, which needs neither Redis nor account."""
    app = create_app(redis.Redis())
    app.add_url_rule("/page", view_func=lambda: render_template("layout.html"))
    return app.test_client()


def test_should_load_files_that_a_browser_keeps(http_client: FlaskClient) -> None:
    # When
    page = get(http_client, "/page").text
    addresses = re.findall(r'(?:href|src)="([^"]+/static/[^"]+)"', page)

    # Then
    assert len(addresses) == 3
    for address in addresses:
        answer = get(http_client, address)
        name = address.rpartition("/")[2].partition("?")[0]
        assert answer.data == (FILES / name).read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("version", ["", "?v=", "?v=0123456789ab"])
def test_should_not_keep_a_file_under_an_address_of_other_content(
    http_client: FlaskClient, version: str
) -> None:
    answer = get(http_client, f"{CSS}{version}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_should_not_find_files_elsewhere(http_client: FlaskClient) -> None:
    assert get(http_client, "/dashboard/static/../app.py").status_code == 404
    assert get(http_client, "/dashboard/static/none.css?v=1").status_code == 404


def test_should_keep_a_page_nowhere(http_client: FlaskClient) -> None:
    assert get(http_client, "/page").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/page", CSS, "/dashboard/static/dashboard.js"])
def test_should_compress_text(http_client: FlaskClient, path: str) -> None:
    # Given
    plain = get(http_client, path)

    # When
    answer = get(http_client, path, **GZIP)

    # Then
    assert "Content-Encoding" not in plain.headers
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == plain.data
    assert answer.content_length == len(answer.data) < len(plain.data)
    assert plain.headers["Vary"] == answer.headers["Vary"] == "Accept-Encoding"


def test_should_tell_that_a_compressed_file_is_the_same(http_client: FlaskClient) -> None:
    address = CSS
    etag = get(http_client, address, **GZIP).headers["ETag"]
    assert etag.startswith("W/")
    answer = get(http_client, address, If_None_Match=etag, **GZIP)
    assert (answer.status_code, answer.data) == (304, b"")


def test_should_respect_a_client_that_wants_no_gzip(http_client: FlaskClient) -> None:
    answer = get(http_client, "/page", Accept_Encoding="gzip;q=0, br")
    assert "Content-Encoding" not in answer.headers


def test_should_send_a_part_as_it_is(http_client: FlaskClient) -> None:
    answer = get(http_client, CSS, Range="bytes=0-1999", **GZIP)
    assert (answer.status_code, answer.content_length) == (206, 2000)


def test_should_not_compress_what_is_small(http_client: FlaskClient) -> None:
    assert "Content-Encoding" not in get(http_client, "/livez", **GZIP).headers


def test_should_change_the_address_with_the_content(
    http_client: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given
    monkeypatch.setattr("services.dashboard.delivery._FILES", tmp_path)
    addresses = set()

    # When
    for text in ("a", "b", "a"):
        (tmp_path / "dashboard.css").write_text(text, "utf-8")
        with http_client.application.test_request_context():
            addresses.add(asset("dashboard.css"))

    # Then
    assert len(addresses) == 2


def test_should_keep_files_small() -> None:
    sizes = [len(gzip.compress(file.read_bytes(), compresslevel=6)) for file in FILES.iterdir()]
    assert sum(sizes) <= MOST_BYTES
