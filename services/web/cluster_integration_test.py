"""Tests of the web service on a Redis Cluster, where each site has its own slot."""

import contextlib

from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.page_views.registry import add_site
from libs.redis_access.cluster_testing import cluster_url
from libs.redis_access.connection import connect
from services.web.app import create_app

__all__ = ["cluster_url"]

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}


def test_should_count_and_answer_for_all_sites(
    cluster_url: str,  # pylint: disable=redefined-outer-name  # a fixture
) -> None:
    with contextlib.closing(connect(cluster_url, key=PAGE_VIEWS_KEY)) as client:
        # Given
        web = create_app(client).test_client()
        names = [f"{i}.example" for i in range(5)]
        for name in names:
            add_site(client, name, public=1)

        # When
        front_page = web.get("/")
        for name in names:
            for nonce in ("0123456789", "9876543210", "0123456789"):
                pixel = f"/pixel.gif?site={name}&path=/a&nonce={nonce}"
                assert web.get(pixel, headers=BROWSER).status_code == 200

        # Then
        assert front_page.text == "This page has been seen 1 times."
        for name in names:
            totals = web.get(f"/api/v1/sites/{name}/totals?path=/a")
            assert totals.json and totals.json["views"] == 2, totals.text
            series = web.get(f"/api/v1/sites/{name}/series")
            assert series.json and series.json["series"][-1]["views"] == 2, series.text
            assert ">2<" in web.get(f"/badge.svg?site={name}&path=/a").text
        ready = web.get("/readyz")
        assert ready.status_code == 200, ready.text
