"""Tests of views of a registered, public site, even if others view it meanwhile."""

import secrets
from typing import Any

import pytest

from tests_e2e.testing import BROWSER, HTTP, TIMEOUT_SECONDS, send


@pytest.fixture(name="path")
def _path() -> str:
    """Return the path of a page that nobody else views."""
    return f"/e2e/{secrets.token_hex(8)}"


def read(flask_url: str, site: str, call: str, **parameters: str) -> Any:
    """Return what the API says about the site."""
    url = f"{flask_url}/api/v1/sites/{site}/{call}"
    answer = HTTP.get(url, params=parameters, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_should_count_a_view_of_a_site_once(flask_url: str, site: str, path: str) -> None:
    # Given
    before = read(flask_url, site, "totals")["views"]

    # When: the client sends its view again, since it saw no answer
    nonce = secrets.token_hex(16)
    answers = [send(flask_url, site, path, nonce) for _ in range(2)]

    # Then
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == {"accepted": 1, "dropped": 0, "stored": True}
    page = read(flask_url, site, "totals", path=path)
    assert (page["views"], page["visitors"]) == (1, 1)
    assert read(flask_url, site, "totals")["views"] > before


def test_should_count_by_images(flask_url: str, site: str, path: str) -> None:
    parameters = {"site": site, "path": path}
    for name, mimetype in (("pixel.gif", "image/gif"), ("badge.svg", "image/svg+xml")):
        answer = HTTP.get(
            f"{flask_url}/{name}", params=parameters, headers=BROWSER, timeout=TIMEOUT_SECONDS
        )
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(mimetype)
    assert read(flask_url, site, "totals", path=path)["views"] == 2


def test_should_not_know_other_sites(flask_url: str, path: str) -> None:
    unknown = f"{secrets.token_hex(8)}.example"
    assert send(flask_url, unknown, path, secrets.token_hex(16)).status_code == 404
    url = f"{flask_url}/api/v1/sites/{unknown}/totals"
    assert HTTP.get(url, timeout=TIMEOUT_SECONDS).status_code == 404


def test_should_serve_the_script(flask_url: str) -> None:
    answer = HTTP.get(f"{flask_url}/tracker.js", timeout=TIMEOUT_SECONDS)
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "/api/v1/views" in answer.text
