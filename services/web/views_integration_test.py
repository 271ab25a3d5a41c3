"""Tests of sending page views to a real Redis."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from libs.page_views.reading import Count, drops, totals
from libs.page_views.registry import Site, add_site, change_site
from libs.page_views.tokens import Right, add_token
from services.web.app import create_app
from services.web.ingest import DROPPED_HEADER

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
VIEW = {"site": "example.org", "path": "/a"}


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    return add_site(redis_client, "example.org")


@pytest.fixture(name="web")
def _web(redis_client: redis.Redis) -> FlaskClient:
    return create_app(redis_client).test_client()


def post(web: FlaskClient, body: object, **headers: str) -> TestResponse:
    """Send JSON as a program does."""
    return web.post("/api/v1/views", json=body, headers={"User-Agent": BROWSER, **headers})


def beacon(web: FlaskClient, body: str, **headers: str) -> TestResponse:
    """Send text as a page does."""
    headers = {"User-Agent": BROWSER, "Content-Type": "text/plain;charset=UTF-8", **headers}
    return web.post("/api/v1/views", data=body, headers=headers)


def test_should_count_a_view(web: FlaskClient, redis_client: redis.Redis, site: Site) -> None:
    response = post(web, {**VIEW, "referrer": "https://other.example/x", "nonce": "n" * 32})
    assert (response.status_code, response.json) == (
        202,
        {"accepted": 1, "dropped": 0, "stored": True},
    )
    assert totals(redis_client, site) == totals(redis_client, site, "/a") == Count(1, 1)


def test_should_count_a_view_that_is_sent_again_once(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    view = {**VIEW, "nonce": "0123456789abcdef"}
    answers = [post(web, view).json for _ in range(3)]
    assert answers == [{"accepted": 1, "dropped": 0, "stored": True}] * 3
    assert totals(redis_client, site).views == 1


def test_should_count_all_views_of_a_batch(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    other = add_site(redis_client, "other.example")
    views = [VIEW, {**VIEW, "path": "/%00"}, {"site": "other.example", "path": "b"}, VIEW]
    response = post(web, {"views": [*views, {"site": "unknown.example", "path": "/"}]})
    assert response.json == {"accepted": 3, "dropped": 2, "stored": True}
    assert response.headers[DROPPED_HEADER] == "invalid_path, unknown_site"
    assert (totals(redis_client, site).views, totals(redis_client, other).views) == (2, 1)
    assert drops(redis_client, site) == {"invalid_path": 1}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}, "bot"),
        ({"DNT": "1"}, "do_not_track"),
        ({"Sec-GPC": "1"}, "global_privacy_control"),
        ({"Sec-Purpose": "prefetch"}, "prefetch"),
    ],
)
def test_should_drop_what_is_no_view_of_a_person(
    web: FlaskClient,
    redis_client: redis.Redis,
    site: Site,
    headers: Mapping[str, str],
    reason: str,
) -> None:
    response = post(web, VIEW, **headers)
    assert (response.status_code, response.json) == (
        202,
        {"accepted": 0, "dropped": 1, "stored": True},
    )
    assert response.headers[DROPPED_HEADER] == reason
    assert (totals(redis_client, site), drops(redis_client, site)) == (Count(), {reason: 1})


@pytest.mark.parametrize(
    ("address", "path", "reason"),
    [
        ("10.1.2.3", "/a", "ignored_address"),
        ("2001:db8::1", "/admin", "ignored_address"),
        ("203.0.113.9", "/admin/users", "ignored_path"),
        ("203.0.113.9", "/a", None),
    ],
)
@pytest.mark.parametrize("sender", ["program", "snippet", "pixel", "badge", "program with a token"])
def test_should_drop_what_a_site_ignores(  # pylint: disable=too-many-arguments
    web: FlaskClient,
    redis_client: redis.Redis,
    *,
    sender: str,
    address: str,
    path: str,
    reason: str,
) -> None:
    # Given
    rules = {"ignored_networks": "10.0.0.0/8\n2001:db8::/32", "ignored_paths": "/admin/*"}
    site = add_site(redis_client, "example.org", **rules)
    view = {"site": "example.org", "path": path}
    web.environ_base.update(REMOTE_ADDR=address, HTTP_USER_AGENT=BROWSER)

    # When
    if sender == "program with a token":
        web.environ_base["REMOTE_ADDR"] = "10.0.0.1"  # the program's own does not count
        token = {"Authorization": f"Bearer {add_token(redis_client, site, 'send')}"}
        response = post(web, {**view, "address": address}, **token)
    elif sender == "program":
        response = post(web, view)
    elif sender == "snippet":
        response = beacon(web, json.dumps(view))
    else:
        file = {"pixel": "pixel.gif", "badge": "badge.svg"}[sender]
        response = web.get(file, query_string=view)

    # Then
    assert response.status_code in (200, 202)
    assert response.headers.get(DROPPED_HEADER) == reason
    assert drops(redis_client, site) == ({reason: 1} if reason else {})
    assert totals(redis_client, site).views == (0 if reason else 1)
    for key in redis_client.scan_iter("v2:{*}:*"):
        assert address.encode() not in redis_client.dump(key) + key


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({**VIEW, "site": "unknown.example"}, 404, "not registered"),
        ({**VIEW, "site": "https://example.org/"}, 404, "not registered"),
        ({**VIEW, "path": "/" + "a" * 2048}, 400, "at most 2,048 characters"),
        ({"site": "example.org"}, 400, "needs path"),
        ({**VIEW, "nonce": "short"}, 400, "nonce"),
        ({**VIEW, "referrer": 1}, 400, "referrer must be a string"),
        ({**VIEW, "time": 0}, 400, "time"),
        ({**VIEW, "time": 1e308}, 400, "time"),
        ({**VIEW, "address": "10.0.0.1"}, 401, "Only with a token"),
        ([VIEW], 400, "send an object"),
        ({"views": []}, 400, "from 1 to 500"),
        ({"views": [VIEW] * 501}, 400, "from 1 to 500"),
    ],
)
@pytest.mark.usefixtures("site")
def test_should_say_what_is_wrong(
    web: FlaskClient, redis_client: redis.Redis, body: Any, status: int, problem: str
) -> None:
    response = post(web, body)
    assert response.status_code == status
    assert problem in response.text
    assert redis_client.hget("v2:{1}:all", "views") in (None, b"0")


def test_should_take_beacons_of_all_origins(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    response = beacon(web, '{"site": "example.org", "path": "/a"}', Origin="https://example.org")
    assert response.status_code == 202
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert totals(redis_client, site).views == 1


def test_should_drop_a_program_that_pretends_to_be_a_page(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    response = beacon(web, '{"site": "example.org", "path": "/a"}', **{"User-Agent": "curl/8.5.0"})
    assert response.headers[DROPPED_HEADER] == "bot"
    assert totals(redis_client, site).views == 0


@pytest.mark.usefixtures("site")
def test_should_answer_a_preflight_and_count_nothing(
    web: FlaskClient, redis_client: redis.Redis
) -> None:
    response = web.options("/api/v1/views", headers={"Access-Control-Request-Method": "POST"})
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Methods"] == "POST"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert not redis_client.exists("v2:{1}:all")


@pytest.mark.usefixtures("site")
def test_should_refuse_other_content(web: FlaskClient) -> None:
    assert web.post("/api/v1/views", data={"site": "example.org"}).status_code == 415


def test_should_limit_each_client(web: FlaskClient, redis_client: redis.Redis, site: Site) -> None:
    change_site(redis_client, site, client_limit=3)
    answers = [post(web, {"views": [VIEW] * 2}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert [answer.headers.get(DROPPED_HEADER) for answer in answers][1:] == ["rate_limit"] * 2
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert totals(redis_client, site).views == 3
    other = {"REMOTE_ADDR": "203.0.113.9"}
    assert web.post("/api/v1/views", json=VIEW, environ_overrides=other).status_code == 202


def test_should_let_a_program_with_a_token_speak_for_visitors(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    token = {"Authorization": f"Bearer {add_token(redis_client, site, 'send')}"}
    change_site(redis_client, site, client_limit=1)
    views = [
        {**VIEW, "address": f"203.0.113.{i}", "user_agent": BROWSER, "time": time.time() - 60}
        for i in range(3)
    ]
    robot = {**VIEW, "address": "203.0.113.9", "user_agent": "Googlebot/2.1"}
    assert post(web, {"views": [*views, robot]}, **token).json == {
        "accepted": 3,
        "dropped": 1,
        "stored": True,
    }
    assert totals(redis_client, site) == Count(3, 3)


@pytest.mark.parametrize("right", ["read", "share"])
def test_should_refuse_a_token_that_may_not_send(
    web: FlaskClient, redis_client: redis.Redis, site: Site, right: Right
) -> None:
    token = add_token(redis_client, site, right)
    response = post(web, VIEW, Authorization=f"Bearer {token}")
    assert response.status_code == 401
