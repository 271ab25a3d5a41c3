"""Tests of the dashboard's pages in Chromium: how they look, and that they are for everybody."""

from collections.abc import Iterator

import pytest
import redis

from libs.accounts.links import first_link_token
from libs.flask_service.testing import program
from libs.page_views.registry import add_site
from services.dashboard.browser_testing import Visitor, visitor
from services.dashboard.testing import PASSWORD, SIGN_IN

pytestmark = pytest.mark.timeout(180)  # Playwright may be installed first

PAGES = {
    "sites": "/dashboard/",
    "site": "/dashboard/sites/example.org/",
    "account": "/dashboard/account",
    "audit": "/dashboard/audit",
}
"""What somebody sees who has signed in, by the name of its screenshots."""


@pytest.fixture(name="url")
def _url(redis_client: redis.Redis, redis_url: str) -> Iterator[str]:
    add_site(redis_client, "example.org", public=1)
    with program("services.dashboard.serve", 1, REDIS_URL=redis_url) as started:
        yield started.urls[0]


@pytest.fixture(name="guest")
def _guest(url: str) -> Iterator[Visitor]:
    with visitor(url) as guest:
        yield guest


def test_should_be_for_everybody_from_the_first_link_on(
    redis_client: redis.Redis, guest: Visitor
) -> None:
    # Given
    link = f"/dashboard/first-account?token={first_link_token(redis_client)}"
    guest.look_at(SIGN_IN, "sign-in")
    guest.look_at(link, "first-account")

    # When
    guest.page.get_by_label("Name").fill("ada")
    for field in guest.page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    guest.page.get_by_role("button", name="Make the account").click()
    guest.page.get_by_role("button", name="Sign out").wait_for()

    # Then
    for name, path in PAGES.items():
        guest.look_at(path, name)
