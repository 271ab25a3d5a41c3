"""Tests that the dashboard of a public site shows its views, even if others view it meanwhile."""

import secrets
import time

import requests

from tests_e2e.testing import HTTP, TIMEOUT_SECONDS, send

SHOWN_SECONDS = 5  # at once; the rest is for a busy machine
"""How soon the dashboard shows a view that was acknowledged."""


def get(url: str) -> requests.Response:
    """Return what is at an address, be it where else to look."""
    return HTTP.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)


def test_should_be_live_and_ready(dashboard_url: str) -> None:
    for page, answer in (("livez", {"live": True}), ("readyz", {"ready": True})):
        assert get(f"{dashboard_url}/{page}").json() == answer


def test_should_show_a_view(flask_url: str, dashboard_url: str, site: str) -> None:
    # Given
    path = f"/e2e/{secrets.token_hex(8)}"
    shared = f"{dashboard_url}/dashboard/share/{site}/"
    assert path not in get(shared).text

    # When
    assert send(flask_url, site, path, secrets.token_hex(16)).json()["stored"]
    deadline = time.monotonic() + SHOWN_SECONDS

    # Then
    while path not in (page := get(shared)).text:
        assert page.status_code == 200, f"{shared} answers {page.status_code}"
        assert time.monotonic() < deadline, f"{shared} does not show {path}"


def test_should_show_only_to_operators_what_is_not_shared(dashboard_url: str) -> None:
    for page in ("", "sites/any.example/"):
        answer = get(f"{dashboard_url}/dashboard/{page}")
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/dashboard/sign-in")
