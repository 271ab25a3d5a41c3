"""Tests of the script, the pixel and the badges that pages embed."""

import contextlib
import gzip
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import redis
from flask.testing import FlaskClient

from libs.page_views.reading import Count, Kind, rows, totals
from libs.page_views.registry import Site, add_site
from libs.processes.testing import wait_until
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from services.web.app import create_app
from services.web.ingest import DROPPED_HEADER
from services.web.pixel import PIXEL_GIF

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
PIXEL = "/pixel.gif?site=example.org&path=/a"
BADGE = "/badge.svg?site=example.org&path=/a"


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    return add_site(redis_client, "example.org", public=1)


@pytest.fixture(name="web")
def _web(redis_client: redis.Redis) -> FlaskClient:
    return create_app(redis_client).test_client()


def text_of(badge: str) -> str:
    """Return what a badge says."""
    title = ElementTree.fromstring(badge).find("{http://www.w3.org/2000/svg}title")  # nosec B314
    assert title is not None and title.text
    return title.text


def test_should_count_a_view_by_a_pixel(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    response = web.get(f"{PIXEL}&referrer=https://other.example/&nonce=0123456789", headers=BROWSER)
    again = web.get(f"{PIXEL}&nonce=0123456789", headers=BROWSER)
    assert (response.status_code, response.mimetype) == (200, "image/gif")
    assert response.data == again.data == PIXEL_GIF
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers.getlist("Cross-Origin-Resource-Policy") == ["cross-origin"]
    assert totals(redis_client, site, "/a") == Count(1, 1)


def test_should_take_the_path_from_the_page_that_shows_the_pixel(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    page = {"Referer": "https://example.org/from/here?x=1&utm_campaign=spring"}
    web.get("/pixel.gif?site=example.org", headers={**BROWSER, **page})
    assert totals(redis_client, site, "/from/here?x=1").views == 1
    assert list(rows(redis_client, site, Kind.CAMPAIGNS)) == ["spring"]


def test_should_show_and_count_views_by_a_badge(
    web: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    badges = [web.get(BADGE, headers=BROWSER) for _ in range(2)]
    assert [text_of(badge.text) for badge in badges] == ["views: 1", "views: 2"]
    assert badges[0].mimetype == "image/svg+xml"
    assert "no-store" in badges[0].headers["Cache-Control"]
    assert totals(redis_client, site).views == 2


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "views: 3"),
        ("&show=visitors", "visitors: 1"),
        ("&show=today", "today: 3"),
        ("&label=%3Cb%3E%22%26", '<b>"&: 3'),
        ("&path=/b", "views: 1"),
        ("&path=/never", "views: 0"),
        ("&path=/%2500", "views: invalid path"),
        ("&path=/%00", "views: invalid path"),
    ],
)
def test_should_show_a_number_without_counting(
    web: FlaskClient, redis_client: redis.Redis, site: Site, query: str, text: str
) -> None:
    for path in ("/a", "/a", "/b"):
        web.get(f"/pixel.gif?site=example.org&path={path}", headers=BROWSER)
    url = f"/badge.svg?site=example.org&count=0{query}"
    badge = web.get(url, headers=BROWSER)
    assert text_of(badge.text) == text
    assert badge.headers["Cache-Control"] == "public, max-age=60"
    unchanged = web.get(url, headers={"If-None-Match": badge.headers["ETag"]})
    assert unchanged.status_code == 304
    assert totals(redis_client, site).views == 3


def test_should_show_a_number_as_json(web: FlaskClient, site: Site) -> None:
    response = web.get(f"/badge.json?site={site.name}&label=seen&colour=red")
    assert response.json == {
        "schemaVersion": 1,
        "label": "seen",
        "message": "0",
        "color": "c62f22",
    }


@pytest.mark.parametrize(
    ("method", "headers"),
    [("HEAD", BROWSER), ("GET", {**BROWSER, "DNT": "1"}), ("GET", {"User-Agent": "Googlebot"})],
)
def test_should_show_an_image_without_counting(
    web: FlaskClient, redis_client: redis.Redis, site: Site, method: str, headers: dict[str, str]
) -> None:
    for url in (PIXEL, BADGE):
        response = web.open(url, method=method, headers=headers)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("image/")
        assert totals(redis_client, site).views == 0
        assert (DROPPED_HEADER in response.headers) == (method == "GET")


@pytest.mark.parametrize(
    ("name", "text"), [("unknown.example", "unknown site"), ("private.example", "private")]
)
def test_should_show_an_image_for_sites_without_public_numbers(
    web: FlaskClient, redis_client: redis.Redis, name: str, text: str
) -> None:
    add_site(redis_client, "private.example")
    badge = web.get(f"/badge.svg?site={name}", headers=BROWSER)
    assert (badge.status_code, text_of(badge.text)) == (200, f"views: {text}")
    assert web.get(f"/pixel.gif?site={name}", headers=BROWSER).data == PIXEL_GIF
    assert not redis_client.keys("*unknown*")


@pytest.mark.parametrize(
    "query",
    ["", "?site=", "?site=%00", "?site=" + "a" * 2000, "?site=example.org&nonce=%00&path="],
)
@pytest.mark.parametrize("path", ["/pixel.gif", "/badge.svg"])
@pytest.mark.usefixtures("site")
def test_should_show_an_image_whatever_is_asked(web: FlaskClient, path: str, query: str) -> None:
    response = web.get(path + query, headers={**BROWSER, "Referer": "http://[broken/"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("image/")


def test_should_show_images_while_redis_is_away_and_count_when_it_is_back(data_dir: Path) -> None:
    # Given
    with embedded_redis(data_dir) as server, contextlib.closing(connect(server.url)) as client:
        site = add_site(client, "example.org", public=1)
    with contextlib.closing(connect(server.url)) as client:
        web = create_app(client).test_client()

        # When
        pixel, badge = (web.get(image, headers=BROWSER) for image in (PIXEL, BADGE))

        # Then
        assert (pixel.data, text_of(badge.text)) == (PIXEL_GIF, "views: ?")
        with embedded_redis(data_dir):
            wait_until(lambda: totals(client, site).views == 2, "the views that waited")


def web_with(redis_client: redis.Redis, directory: Path, **flags: list[str]) -> FlaskClient:
    """Return the service with a file of flags whose first variant applies to each site."""
    definitions = {
        key.replace("_", "-"): {
            "state": "ENABLED",
            "variants": {name: {"on": True, "off": False}.get(name, name) for name in names},
            "defaultVariant": names[-1],
            "targeting": {"fractional": [[names[0], 1]]},
        }
        for key, names in flags.items()
    }
    file = directory / "flags.json"
    file.write_text(json.dumps({"flags": definitions}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLAGS_FILE", str(file))
        return create_app(redis_client).test_client()


@pytest.mark.parametrize(
    ("query", "radius"), [("", "10"), ("&style=", "10"), ("&style=flat", "3"), ("&style=x", "3")]
)
def test_should_draw_badges_as_flags_say_unless_the_page_does(
    redis_client: redis.Redis, site: Site, tmp_path: Path, query: str, radius: str
) -> None:
    web = web_with(redis_client, tmp_path, badge_style=["pill", "flat"])
    badge = web.get(f"/badge.svg?site={site.name}{query}", headers=BROWSER)
    assert f'rx="{radius}"' in badge.text


@pytest.mark.parametrize("name", ["example.org", "unknown.example", "", "%00"])
def test_should_show_nothing_while_badges_are_switched_off_but_count(
    redis_client: redis.Redis,
    site: Site,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    web = web_with(redis_client, tmp_path, badge=["off", "on"])
    badge = web.get(f"/badge.svg?site={name}&path=/a", headers=BROWSER)
    as_json = web.get(f"/badge.json?site={name}").json
    assert (badge.status_code, badge.mimetype) == (200, "image/svg+xml")
    assert dict(ElementTree.fromstring(badge.text).attrib) == {"width": "1", "height": "1"}
    assert as_json and as_json["message"] == "switched off"
    assert totals(redis_client, site, "/a").views == (name == site.name)
    assert web.get(f"{PIXEL}&site={name}", headers=BROWSER).data == PIXEL_GIF
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


@pytest.mark.usefixtures("site")
def test_should_ask_no_flag_to_count_by_the_page_and_the_script(
    redis_client: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given: the first question to a missing file is logged
    monkeypatch.setenv("FLAGS_FILE", str(tmp_path / "missing.json"))
    web = create_app(redis_client).test_client()

    # When
    view = {"site": "example.org", "path": "/a"}
    answers = [web.get("/"), web.post("/api/v1/views", json=view), web.get(PIXEL, headers=BROWSER)]

    # Then
    assert [answer.status_code for answer in answers] == [200, 202, 200]
    assert "flags" not in caplog.text
    web.get(BADGE)
    assert "The flags in" in caplog.text


def test_should_serve_the_script_so_that_browsers_keep_it(web: FlaskClient) -> None:
    script = web.get("/tracker.js")
    assert script.mimetype == "text/javascript"
    assert len(gzip.compress(script.data)) <= 1024
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    headers = {"If-None-Match": script.headers["ETag"]}
    assert web.get("/tracker.js", headers=headers).status_code == 304
