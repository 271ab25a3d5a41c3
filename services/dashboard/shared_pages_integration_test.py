"""Tests of what the pages of a shared site show, and where their links lead."""

import re
import time
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from redis.connection import UnixDomainSocketConnection

from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, add_site, change_site
from libs.page_views.tokens import add_token, share_path
from libs.page_views.visitors import Client

_LINK = re.compile(r'<a [^>]*?href="([^"]*)"')


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    site = add_site(redis_client, "example.org")
    paths = [f"/{number}" for number in range(11)]
    visitor = Client(b"1234", "browser")
    Recorder(redis_client).record(
        site.name, [View(path, time.time(), visitor, "r.example", "c") for path in paths]
    )
    return site


@pytest.fixture(name="visitor")
def _visitor(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize("public", [False, True])
def test_should_lead_only_to_what_is_shared_as_well(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site, public: bool
) -> None:
    # Given
    change_site(redis_client, site, public=int(public))
    add_site(redis_client, "b.example", public=1)
    start = share_path(site.name, "" if public else add_token(redis_client, site, "share"))
    seen: set[str] = set()
    found = {start, f"{start}?range=7&page=/1"}

    # When: all links of the page, and all of those, are followed
    for _ in range(2):
        for address in sorted(found - seen):
            page = visitor.get(address)
            assert page.status_code == 200, address
            assert "Set-Cookie" not in page.headers
            assert "b.example" not in page.text
            links = _LINK.findall(page.text) if page.mimetype == "text/html" else []
            within = {urljoin(address, link.replace("&amp;", "&")) for link in links}
            found |= {link for link in within if not urlsplit(link).netloc}
            seen.add(address)

    # Then
    strangers = {link for link in found if not link.startswith(start)}
    assert not strangers
    kinds = {urlsplit(link).path.removeprefix(start) for link in seen}
    assert {"", "pages", "pages.csv", "pages.json", "series.csv"} <= kinds
    assert not any("settings" in link for link in found)


def test_should_answer_a_wrong_link_like_one_of_no_site(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    token = add_token(redis_client, site, "share")
    wrong = [(site.name, token[:-1]), (site.name, ""), ("b.example", token), ("b.example", "")]
    answers = [visitor.get(share_path(name, guess)) for name, guess in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "/dashboard/" not in _LINK.findall(answers[0].text)


def test_should_take_three_round_trips(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that knows the site
    link = share_path(site.name, add_token(redis_client, site, "share"))
    visitor.get(link)
    trips: list[object] = []
    send: Callable[..., None] = UnixDomainSocketConnection.send_packed_command

    def count(connection: UnixDomainSocketConnection, *command: object) -> None:
        trips.append(command)
        send(connection, *command)

    # When
    monkeypatch.setattr(UnixDomainSocketConnection, "send_packed_command", count)
    page = visitor.get(link)

    # Then
    assert page.status_code == 200
    assert len(trips) == 3
