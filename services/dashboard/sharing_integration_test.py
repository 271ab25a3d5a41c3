"""Tests of who sees a shared site, with pages that stand in for those of the dashboard."""

import logging

import pytest
import redis
from flask import Blueprint, Flask, g, render_template_string
from flask.testing import FlaskClient

from libs.flask_service.service import create_service
from libs.page_views.registry import Site, add_site, change_site
from libs.page_views.tokens import add_token, all_tokens, revoke_token, share_path
from services.dashboard.sharing import sharing

PUBLIC = "/dashboard/share/example.org/"
TEMPLATE = "{{ name }} {{ shared }}"


@pytest.fixture(name="app")
def _app(redis_client: redis.Redis) -> Flask:
    pages = Blueprint("site", __name__, url_prefix="/sites/<name>")

    @pages.get("/")
    def page(name: str) -> str:
        return render_template_string(TEMPLATE, name=name)

    @pages.get("/pages.csv")
    def pages_csv(name: str) -> str:
        return f"pages of {g.shared_site.name}, {name}"

    @pages.get("/broken")
    def broken(name: str) -> str:
        raise ValueError(f"{name} is broken")

    pages.add_url_rule("/pages.csv", "pages", pages_csv)
    app = create_service(__name__, lambda: None)
    app.register_blueprint(pages, url_prefix="/dashboard/sites/<name>")
    app.register_blueprint(sharing(redis_client, pages))
    return app


@pytest.fixture(name="visitor")
def _visitor(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    return add_site(redis_client, "example.org")


def test_should_show_a_public_site_to_all(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    assert visitor.get(PUBLIC).status_code == 404
    change_site(redis_client, site, public=1)
    page = visitor.get(PUBLIC)
    assert page.text == "example.org True"
    assert visitor.get(f"{PUBLIC}pages.csv").text == "pages of example.org, example.org"


def test_should_show_a_private_site_to_who_has_a_link(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    # Given
    link = share_path(site.name, add_token(redis_client, site, "share"))
    other = add_site(redis_client, "other.example")
    their = share_path(site.name, add_token(redis_client, other, "share"))

    # When
    page = visitor.get(link)

    # Then
    assert page.text == "example.org True"
    assert visitor.get(f"{link}pages.csv").status_code == 200
    assert visitor.get(their).status_code == 404
    assert visitor.get(link.replace(site.name, other.name)).status_code == 404
    revoke_token(redis_client, site, all_tokens(redis_client, site)[0].id)
    assert visitor.get(link).status_code == 404


def test_should_answer_all_who_may_not_see_a_site_alike(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    tokens = [add_token(redis_client, site, right) for right in ("read", "send")]
    guesses = [*tokens, "x", "é", "pages.csv", tokens[0][:-1]]
    paths = [share_path(name, token) for token in guesses for name in (site.name, "b.example")]
    paths += [PUBLIC, "/dashboard/share/b.example/", "/dashboard/share/b.example/pages.csv"]
    answers = [visitor.get(path) for path in paths]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, "Not Found\n")}
    for answer in answers:
        answer.headers.pop("traceresponse")  # of each request
    assert len({str(answer.headers) for answer in answers}) == 1


def test_should_tell_nobody_the_address_and_set_no_cookie(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    link = share_path(site.name, add_token(redis_client, site, "share"))
    for path in (link, PUBLIC):
        headers = visitor.get(path).headers
        assert headers.getlist("Referrer-Policy") == ["no-referrer"]
        assert headers.getlist("Cache-Control") == ["no-store"]
        assert headers.getlist("X-Robots-Tag") == ["noindex"]
        assert "Set-Cookie" not in headers and "Vary" not in headers


@pytest.mark.parametrize(
    ("hosts", "ancestors", "resource_policy"),
    [
        ("", "'none'", "same-origin"),
        ("https://a.example\nb.example", "https://a.example b.example", "cross-origin"),
    ],
)
def test_should_let_only_chosen_pages_embed_a_site(  # pylint: disable=too-many-arguments
    visitor: FlaskClient,
    redis_client: redis.Redis,
    site: Site,
    *,
    hosts: str,
    ancestors: str,
    resource_policy: str,
) -> None:
    change_site(redis_client, site, public=1, embed_hosts=hosts)
    headers = visitor.get(PUBLIC).headers
    assert headers["Content-Security-Policy"].endswith(f"; frame-ancestors {ancestors}")
    assert headers.getlist("Cross-Origin-Resource-Policy") == [resource_policy]
    unknown = visitor.get("/dashboard/share/b.example/").headers
    assert unknown["Content-Security-Policy"].endswith("; frame-ancestors 'none'")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_should_let_nobody_change_anything(
    visitor: FlaskClient, redis_client: redis.Redis, site: Site, method: str
) -> None:
    link = share_path(site.name, add_token(redis_client, site, "share"))
    assert visitor.open(link, method=method).status_code == 405


def test_should_log_no_token(
    visitor: FlaskClient,
    redis_client: redis.Redis,
    site: Site,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = add_token(redis_client, site, "share")
    assert visitor.get(f"{share_path(site.name, token)}broken").status_code == 500
    assert "/broken failed" in caplog.text
    assert token not in caplog.text
