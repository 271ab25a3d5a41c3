"""Tests that the dashboard of a public site shows its views, even if others view it meanwhile."""

import secrets
import time

from tests_e2e.testing import HTTP, TIMEOUT_SECONDS, send

SHOWN_SECONDS = 1
"""How soon the dashboard shows a view that was acknowledged."""


def test_should_be_live_and_ready(dashboard_url: str) -> None:
    for page, answer in (("livez", {"live": True}), ("readyz", {"ready": True})):
        assert HTTP.get(f"{dashboard_url}/{page}", timeout=TIMEOUT_SECONDS).json() == answer


def test_should_show_a_view_within_a_second(flask_url: str, dashboard_url: str, site: str) -> None:
    # Given
    path = f"/e2e/{secrets.token_hex(8)}"
    shared = f"{dashboard_url}/dashboard/share/{site}/"
    assert path not in HTTP.get(shared, timeout=TIMEOUT_SECONDS).text

    # When
    assert send(flask_url, site, path, secrets.token_hex(16)).json()["stored"]
    deadline = time.monotonic() + SHOWN_SECONDS

    # Then
    while path not in (page := HTTP.get(shared, timeout=TIMEOUT_SECONDS)).text:
        assert page.status_code == 200, page.text
        assert time.monotonic() < deadline, f"{shared} does not show {path}"


def test_should_show_only_to_operators_what_is_not_shared(dashboard_url: str, site: str) -> None:
    for page in ("", f"sites/{site}/"):
        url = f"{dashboard_url}/dashboard/{page}"
        answer = HTTP.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/dashboard/sign-in")
