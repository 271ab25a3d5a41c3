"""A test of the snippet in Chromium, as copied from the web service that it sends views to."""

from pathlib import Path

import redis
import requests

from libs.flask_service.page_testing import Page
from libs.page_views.reading import Count, Kind, rows, totals
from libs.page_views.registry import add_site
from libs.processes.testing import wait_until
from libs.redis_access.embedded import EmbeddedRedis
from services.web.browser_testing import browser_in
from services.web.shop_testing import Shop
from services.web.testing import tracker


def test_should_count_what_a_visitor_of_a_page_with_the_snippet_sees(
    redis_server: EmbeddedRedis, redis_client: redis.Redis, tmp_path: Path
) -> None:
    site = add_site(redis_client, "example.org")
    with tracker(REDIS_URL=redis_server.url) as started, browser_in(tmp_path) as browser:
        # Given
        about = requests.get(f"{started.url}/about?site=example.org", timeout=5)
        copied = Page(about.text).copied()
        snippet = copied["script"] + copied["pixel"]
        shop = Shop(browser)
        leave = 'setTimeout(() => { location = "/b"; })'
        shop.page("/a", f"onpageshow = (e) => e.persisted && done(); {leave}", snippet=snippet)
        shop.page("/b", "setTimeout(() => history.back())", snippet=snippet)

        # When
        shop.visit("/a", views=0)
        wait_until(lambda: totals(redis_client, site).views >= 3, "3 views")

    # Then
    assert rows(redis_client, site, Kind.PAGES) == {"/a": Count(2, 1), "/b": Count(1, 1)}
