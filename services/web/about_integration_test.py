"""Tests of the page that shows how to count the views of a site."""

import json
import re
import time
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from libs.flask_service.page_testing import Page
from libs.page_views.reading import Count, totals
from libs.page_views.registry import Site, add_site
from libs.processes.testing import paused
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis
from services.web.app import create_app

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
URL = "/about?site=example.org"
URLS = [
    "/about",
    URL,
    f"{URL}&looks",
    "/about?site=private.example",
    "/about?site=unknown.example",
    "/about?site=/",
]


@pytest.fixture(name="site", autouse=True)
def _site(redis_client: redis.Redis) -> Site:
    add_site(redis_client, "private.example")
    return add_site(redis_client, "example.org", public=1)


@pytest.fixture(name="web")
def _web(redis_client: redis.Redis) -> FlaskClient:
    return create_app(redis_client).test_client()


def test_should_show_what_counts_when_it_is_copied(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    # Given
    copied = Page(web.get(URL, base_url="https://stats.example:8443").text).copied()
    (pixel,) = Page(copied["pixel"]).all("img")
    (badge,) = Page(copied["html"]).all("img")
    link = re.fullmatch(r"!\[Views of example\.org\]\((\S+)\)", copied["markdown"])

    # When
    assert link
    urls = pixel.attributes["src"], badge.attributes["src"], link[1]
    on_page = {**BROWSER, "Referer": "https://example.org/a?x=1"}
    answers = [web.get(url, headers=on_page) for url in urls]

    # Then
    assert Page(copied["script"]).elements[0].attributes == {
        "async": "",
        "src": "https://stats.example:8443/tracker.js",
        "data-site": "example.org",
    }
    assert pixel.attributes["src"] == "https://stats.example:8443/pixel.gif?site=example.org"
    assert [answer.mimetype for answer in answers] == ["image/gif"] + 2 * ["image/svg+xml"]
    assert {path: totals(redis_client, site, path).views for path in ("", "/a?x=1", "/readme")} == {
        "": 2,
        "/a?x=1": 1,
        "/readme": 1,
    }


@pytest.mark.parametrize(("proxies", "scheme"), [("", "http"), ("127.0.0.1", "https")])
def test_should_believe_only_a_trusted_proxy(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, proxies: str, scheme: str
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", proxies)
    web = create_app(redis_client).test_client()
    page = web.get(URL, headers={"X-Forwarded-Proto": "https", "Host": "stats.example"})
    assert f"![Views of example.org]({scheme}://stats.example/badge.svg" in page.text


def test_should_show_numbers_that_are_public(web: FlaskClient) -> None:
    for path in ("/a", "/b"):
        web.get(f"/pixel.gif?site=example.org&path={path}", headers=BROWSER)
    page = Page(web.get(URL).text)
    assert [(each.tag, each.text) for each in page.elements if each.tag in ("dt", "dd")] == [
        ("dt", "Views"),
        ("dd", "2"),
        ("dt", "Visitors, each once a day"),
        ("dd", "1"),
    ]


def test_should_not_show_numbers_that_are_private(web: FlaskClient) -> None:
    page = Page(web.get("/about?site=private.example").text)
    assert "They are private." in page.all("section")[0].text
    assert not page.all("dd")
    assert "private.example" not in web.get("/about").text


@pytest.mark.parametrize(
    ("asked", "status", "problem"),
    [
        ("", 200, ""),
        (" example.org ", 200, ""),
        ("EXAMPLE.org", 200, ""),
        ("unknown.example", 404, "unknown.example is not registered here"),
        ("https://example.org/a", 400, "A site is a host name without scheme, port or path: write"),
        ('"><script>', 400, "A site is a host name of letters"),
        ("\0\ud800", 400, "A site is a host name of letters"),
    ],
)
def test_should_say_which_sites_it_does_not_know(
    web: FlaskClient, asked: str, status: int, problem: str
) -> None:
    response = web.get("/about", query_string={"site": asked.encode("utf-8", "surrogatepass")})
    page = Page(response.text)
    assert response.status_code == status
    if problem:
        assert page.one("problem").text.startswith(problem)
        assert page.one("site").attributes["aria-describedby"] == "problem"
        assert not page.all("script")
    if status == 400 and asked.isprintable():
        assert page.one("site").attributes["value"] == asked


@pytest.mark.parametrize("url", URLS)
def test_should_have_an_order_for_all_readers(web: FlaskClient, url: str) -> None:
    page = Page(web.get(url).text)
    labelled = {label.attributes["for"] for label in page.all("label")}
    fields = page.all("input") + page.all("textarea")
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.all("title")[0].text
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert labelled == {each.attributes["id"] for each in fields}
    assert all(image.attributes["alt"] for image in page.all("img"))


@pytest.mark.parametrize("url", URLS)
def test_should_run_and_load_nothing_but_its_style_and_the_badge(
    web: FlaskClient, url: str
) -> None:
    response = web.get(url)
    page = Page(response.text)
    policy = response.headers.getlist("Content-Security-Policy")
    assert policy == [
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ]
    assert response.mimetype == "text/html"
    assert response.headers["Cache-Control"] == "no-store"
    assert [link.attributes["href"] for link in page.all("link")] == ["about.css"]
    assert not page.all("script") + page.all("style")
    for element in page.elements:
        assert not [name for name in element.attributes if name == "style" or name[:2] == "on"]


def test_should_serve_the_style_so_that_browsers_keep_it(web: FlaskClient) -> None:
    style = web.get("/about.css")
    assert style.mimetype == "text/css"
    headers = {"If-None-Match": style.headers["ETag"]}
    assert web.get("/about.css", headers=headers).status_code == 304


def test_should_count_nothing(web: FlaskClient, redis_client: redis.Redis) -> None:
    before = redis_client.keys()
    for url in URLS:
        badges = Page(web.get(url, headers=BROWSER).text).all("img")
        for address in ("about.css", *(badge.attributes["src"] for badge in badges)):
            assert web.get(f"/{address}", headers=BROWSER).status_code == 200
    assert redis_client.keys() == before


@pytest.fixture(name="flags_file")
def _flags_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "flags.json"
    monkeypatch.setenv("FLAGS_FILE", str(file))
    return file


def looks_text(state: str, variant: str) -> str:
    """Return a file with the flag "looks-text", which chooses a variant and counts."""
    definition = {
        "state": state,
        "variants": {"plain": "plain", "inviting": "inviting"},
        "defaultVariant": "plain",
        "targeting": {"fractional": [[variant, 1]]},
        "metadata": {"site": "tracker.example"},
    }
    return json.dumps({"flags": {"looks-text": definition}})


@pytest.mark.parametrize(
    ("state", "variant", "text"),
    [
        ("ENABLED", "plain", "All looks"),
        ("ENABLED", "inviting", "Make it match your page: see all looks"),
        ("DISABLED", "inviting", "All looks"),
    ],
)
def test_should_count_by_the_pixel_who_saw_a_text_and_who_the_looks(
    redis_client: redis.Redis, flags_file: Path, state: str, variant: str, text: str
) -> None:
    # Given
    counting = add_site(redis_client, "tracker.example")
    flags_file.write_text(looks_text(state, variant))
    web = create_app(redis_client).test_client()

    # When
    for url in (URL, URL, f"{URL}&looks"):
        page = Page(web.get(url, headers=BROWSER).text)
        for image in page.all("img"):
            web.get(f"/{image.attributes['src']}", headers=BROWSER)
        links = [link for link in page.all("a") if link.attributes["href"].endswith("&looks")]
        assert [link.text for link in links] == ([] if url.endswith("looks") else [text])

    # Then
    path = f"/experiments/looks-text/{variant}"
    counts = [totals(redis_client, counting, page) for page in (path, f"{path}/goal", "")]
    if state == "ENABLED":
        assert counts == [Count(2, 1), Count(1, 1), Count(3, 1)]
    else:
        assert counts == [Count()] * 3


@pytest.mark.parametrize("known", [False, True])
def test_should_show_the_page_while_redis_does_not_answer(
    redis_server: EmbeddedRedis, web: FlaskClient, known: bool
) -> None:
    # Given
    if known:
        web.get(URL)

    # When
    with paused(redis_server.process.pid):
        begin = time.monotonic()
        response = web.get(URL)
        seconds = time.monotonic() - begin

    # Then
    page = Page(response.text)
    assert response.status_code == 200
    assert seconds < 1
    assert "They are not available now." in page.all("section")[0].text
    assert len(page.all("textarea")) == 4


def test_should_show_the_page_while_redis_is_away() -> None:
    web = create_app(connect("redis://127.0.0.1:1")).test_client()
    assert "They are not available now." in web.get(URL).text
