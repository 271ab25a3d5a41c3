"""Tests of the dashboard on a Redis Cluster, where each site has its own slot."""

import contextlib
import time

from libs.accounts.links import password_link_token, use_link
from libs.accounts.passwords import hash_password
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import add_site, all_sites
from libs.redis_access.cluster_testing import cluster_url
from libs.redis_access.connection import connect
from services.dashboard.app import create_app
from services.dashboard.testing import is_signed_in, sign_in, signed_in_client, submit

__all__ = ["cluster_url"]

SITES = "/dashboard/sites"


def test_should_show_and_change_all_sites(
    cluster_url: str,  # pylint: disable=redefined-outer-name  # a fixture
) -> None:
    with contextlib.closing(connect(cluster_url, wait_seconds=10)) as client:
        # Given
        operator = signed_in_client(create_app(client), client)
        recorder = Recorder(client)
        names = [f"{i}.example" for i in range(4)]
        for name in names:
            add_site(client, name)
            recorder.record(name, [View(f"/of-{name}", time.time())])

        # When
        added = submit(operator, f"{SITES}/add", name="new.example", zone="UTC")
        page = f"{SITES}/0.example/settings"
        renamed = submit(operator, page, action="rename", new_name="a.example")

        # Then
        assert (added.status_code, renamed.status_code) == (303, 303)
        assert [site.name for site in all_sites(client)] == [*names[1:], "a.example", "new.example"]
        everything = operator.get("/dashboard/").text
        for name, former in zip(["a.example", *names[1:]], names):
            assert name in everything
            assert f"/of-{former}" in operator.get(f"{SITES}/{name}/").text

        # When
        token = password_link_token(client, "ada")
        use_link(client, token, "", hash_password("ada", "another long password"))

        # Then
        assert not is_signed_in(operator)
        assert sign_in(operator, "ada", "another long password").status_code == 303
