"""Tests of the tracker in Chromium."""

import re
from pathlib import Path

import pytest

from services.web.browser_testing import Site

DONE = 'say("done")'
PRERENDER = '<script type="speculationrules">{"prerender": [{"urls": ["/b"]}]}</script>'
BLOCKING = '<script src="http://stats.shop.example/tracker.js" data-site="shop"></script>'
SECURE = "--unsafely-treat-insecure-origin-as-secure=http://www.shop.example"


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_should_count_a_view(site: Site) -> None:
    # Given
    site.page(
        "/from",
        'document.cookie = "a=b; domain=shop.example"; location = "/a?q=ü&utm_source=x#part"',
    )
    answered = "<script>const send = fetch; fetch = async (...all) => {"
    answered += 'await send(...all); say("done"); }</script>'
    site.page("/a", head=answered)

    # When
    site.visit("/from", views=2)

    # Then
    assert len(site.views) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", nonce) for nonce in site.views)
    assert site.view_of("/from")["referrer"] == ""
    assert site.view_of("/a?q=%C3%BC&utm_source=x") == {
        "site": "shop",
        "path": "/a?q=%C3%BC&utm_source=x",
        "referrer": "http://www.shop.example/from",
        "url": "http://stats.shop.example/api/v1/views",
        "type": "text/plain;charset=UTF-8",
        "purpose": "",
        "cookie": "",
    }


@pytest.mark.parametrize(
    ("script", "paths"),
    [
        ("", []),
        ('push("/b"); push("/b#part")', ["/b"]),
        ('push("/b"); push("/a")', ["/b", "/a"]),
        (
            'push("/b"); history.back(); await until("popstate");'
            'history.forward(); await until("popstate")',
            ["/b", "/a", "/b"],
        ),
        ('history.replaceState(null, "", "/b"); location.hash = "x"', []),
        ('location.hash = "x"; dispatchEvent(new Event("pageshow"))', []),
    ],
)
def test_should_count_when_an_application_changes_the_path(
    site: Site, script: str, paths: list[str]
) -> None:
    site.page("/a", f"{script}; {DONE}")
    site.visit("/a", views=1 + len(paths))
    assert site.paths == sorted(["/a", *paths])


def test_should_send_the_referrer_once(site: Site) -> None:
    site.page("/a", 'location = "/b"')
    site.page("/b", f'push("/c"); {DONE}')
    site.visit("/a", views=3)
    referrers = {view["path"]: view["referrer"] for view in site.views.values()}
    assert referrers == {"/a": "", "/b": "http://www.shop.example/a", "/c": ""}


def test_should_count_a_page_from_the_back_forward_cache(site: Site) -> None:
    # Given
    site.page(
        "/a",
        'onpageshow = (event) => event.persisted && say("done");'
        'setTimeout(() => { location = "/b"; })',  # after load, so that /a stays in the history
    )
    site.page("/b", "setTimeout(() => history.back())")

    # When
    site.visit("/a", views=3)

    # Then
    assert site.paths == ["/a", "/a", "/b"]


def test_should_count_a_prerendered_page_when_it_is_shown(site: Site) -> None:
    # Given
    site.page("/a", 'await heard("prerendered"); location = "/b"', head=PRERENDER)
    site.page(
        "/b",
        'if (document.prerendering) say("prerendered");'
        'document.onprerenderingchange = () => say("done")',
    )

    # When
    site.visit("/a", SECURE, views=2)

    # Then
    assert site.paths == ["/a", "/b"]
    view = site.view_of("/b")
    assert (view["purpose"], view["referrer"]) == ("", "http://www.shop.example/a")


def test_should_not_count_a_prerendered_page_that_is_never_shown(site: Site) -> None:
    site.page(
        "/a",
        f'await heard("prerendered"); push("/c"); {DONE}',
        head=PRERENDER,
    )
    site.page("/b", 'push("/d"); say("prerendered")')
    site.visit("/a", SECURE, views=2)
    assert site.paths == ["/a", "/c"]


def test_should_count_a_hidden_page_when_it_is_shown(site: Site) -> None:
    # Given
    site.page(
        "/a",
        'open("/b"); await until("visibilitychange");'
        'push("/c"); push("/d"); say("hidden");'
        f'await until("visibilitychange"); {DONE}',
    )
    site.page("/b", 'await heard("hidden"); close()')

    # When
    site.visit("/a", "--disable-popup-blocking", views=3)

    # Then
    assert site.paths == ["/a", "/b", "/d"]


@pytest.mark.parametrize(
    "policy",
    ["connect-src 'none'", "connect-src 'self'; img-src 'self' http://stats.shop.example"],
)
def test_should_use_the_pixel_where_a_policy_forbids_requests(site: Site, policy: str) -> None:
    # Given
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    site.page("/a", 'location = "/b?x=1&y=ü"')
    site.page("/b", DONE, head=meta)

    # When
    site.visit("/a", views=2)

    # Then
    assert len(site.views) == 2
    assert site.view_of("/b?x=1&y=%C3%BC") == {
        "site": "shop",
        "path": "/b?x=1&y=%C3%BC",
        "referrer": "http://www.shop.example/a",
        "url": "http://stats.shop.example/pixel.gif",
        "type": "",
        "purpose": "",
        "cookie": "",
    }


def test_should_use_a_beacon_where_fetch_does_not_outlive_the_page(site: Site) -> None:
    site.page("/a", DONE, head="<script>delete Request.prototype.keepalive; fetch = 0;</script>")
    site.visit("/a", views=1)
    assert site.paths == ["/a"]
    assert site.view_of("/a")["type"] == "text/plain;charset=UTF-8"


def test_should_show_a_pixel_that_cannot_be_seen(site: Site) -> None:
    site.page(
        "/a",
        "const canvas = document.createElement('canvas').getContext('2d');"
        "canvas.fillRect(0, 0, 1, 1);"
        "canvas.clearRect(0, 0, 1, 1);"
        "canvas.drawImage(image, 0, 0);"
        "say([image.naturalWidth, image.naturalHeight, ...canvas.getImageData(0, 0, 1, 1).data]);"
        + DONE,
        body='<img id="image" src="/pixel.gif">',
    )
    site.visit("/a", views=0)
    assert site.said == ["1,1,0,0,0,0", "done"]


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ('<link rel="canonical" href="/c?x=1">', "/c?x=1"),
        ('<link rel="canonical" href="https://www.shop.example/c">', "/c"),
        ('<link rel="canonical" href="http://other.example/c">', "/a?x=2"),
        ('<link rel="canonical" href="https://[">', "/a?x=2"),
        ('<link rel="canonical">', "/a?x=2"),
    ],
)
def test_should_take_the_path_from_the_canonical_link(site: Site, link: str, path: str) -> None:
    go = 'push("/b"); history.back(); await until("popstate");'
    site.page("/a", f"{go} {DONE}", head=link)
    site.visit("/a?x=2", views=3)
    assert site.paths == sorted([path, "/b", path])


def test_should_wait_for_the_canonical_link(site: Site) -> None:
    site.page("/a", DONE, head=f'{BLOCKING}<link rel="canonical" href="/c">')
    site.visit("/a", views=1)
    assert site.paths == ["/c"]


@pytest.mark.parametrize(
    ("address", "path"), [("/a#/r?x=1", "/r?x=1"), ("/a#!/r", "/r"), ("/a", "/a"), ("/a?x", "/a?x")]
)
def test_should_take_the_path_from_the_fragment_on_demand(
    site: Site, address: str, path: str
) -> None:
    site.page(
        "/a",
        f'location.hash = "#/s"; {DONE}',
        attributes="data-hash",
    )
    site.visit(address, views=2)
    assert site.paths == sorted([path, "/s"])


def test_should_send_views_where_it_is_told(site: Site) -> None:
    site.page("/a", DONE, attributes='data-endpoint="http://other.example/v"')
    site.visit("/a", views=1)
    assert site.paths == ["/a"]
    assert site.view_of("/a")["url"] == "http://other.example/v"


def test_should_count_once_if_embedded_twice(site: Site) -> None:
    site.page("/a", f'push("/b"); {DONE}', body=2 * BLOCKING)
    site.visit("/a", views=2)
    assert site.paths == ["/a", "/b"]


@pytest.mark.parametrize(
    ("head", "flags", "host"),
    [
        ("", (), "localhost"),
        ("", (), "127.0.0.2"),
        ("", ("--enable-automation",), "www.shop.example"),
        (
            "<script>navigator.__defineGetter__('doNotTrack', () => '1')</script>",
            (),
            "www.shop.example",
        ),
        ("<script>navigator.globalPrivacyControl = true</script>", (), "www.shop.example"),
    ],
)
def test_should_not_count(site: Site, head: str, flags: tuple[str, ...], host: str) -> None:
    site.page("/a", f'push("/b"); {DONE}', head=head)
    site.visit("/a", *flags, host=host, views=0)
    assert not site.views


def test_should_count_on_localhost_on_demand(site: Site) -> None:
    site.page("/a", DONE, attributes="data-local")
    site.visit("/a", host="localhost", views=1)
    assert site.paths == ["/a"]


def test_should_not_count_frames(site: Site) -> None:
    site.page("/a", DONE, body='<iframe src="/b"></iframe>')
    site.page("/b", 'say("framed")')
    site.visit("/a", views=1)
    assert site.paths == ["/a"]
    assert "framed" in site.said


@pytest.mark.parametrize(
    "toggle",
    [
        'location = "/b#toggle-page-tracker"',
        'location.hash = "toggle-page-tracker"; location = "/b"',
    ],
)
def test_should_stop_counting_own_visits(site: Site, toggle: str) -> None:
    # Given
    head = "<script>alert = say</script>"
    site.page("/a", toggle, head=head)
    site.page("/b", 'push("/x"); location = "/c"', head=head)
    site.page("/c", 'location = "/d#toggle-page-tracker"', head=head)
    site.page("/d", 'say(location); location = "/e"', head=head)
    site.page("/e", DONE, head=head)

    # When
    site.visit("/a", views=3)

    # Then
    assert site.paths == ["/a", "/d", "/e"]
    assert site.said == [
        "page-tracker off",
        "page-tracker on",
        "http://www.shop.example/d#",
        "done",
    ]
