"""Tests of the tracker in Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.web.browser_testing import SECURE_HOST, Browser, browser_in
from services.web.shop_testing import Shop

PRERENDER = '<script type="speculationrules">{"prerender": [{"urls": ["/b"]}]}</script>'
BLOCKING = '<script src="http://{}/tracker.js" data-site="shop"></script>'


@pytest.fixture(name="browser", scope="module")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser_in(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(name="shop")
def _shop(browser: Browser) -> Shop:
    return Shop(browser)


def test_should_count_a_view(shop: Shop) -> None:
    # Given
    shop.page(
        "/from",
        f'document.cookie = "a=b; domain={shop.domain}"; location = "/a?q=ü&utm_source=x#part"',
    )
    answered = "<script>const send = fetch; fetch = async (...all) => {"
    answered += "await send(...all); done(); }</script>"
    shop.page("/a", head=answered)

    # When
    shop.visit("/from", views=2)

    # Then
    assert len(shop.views) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", nonce) for nonce in shop.views)
    assert shop.view_of("/from")["referrer"] == ""
    assert shop.view_of("/a?q=%C3%BC&utm_source=x") == {
        "site": "shop",
        "path": "/a?q=%C3%BC&utm_source=x",
        "referrer": f"http://{shop.host}/from",
        "url": f"http://{shop.stats}/api/v1/views",
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
    shop: Shop, script: str, paths: list[str]
) -> None:
    shop.page("/a", f"{script}; done()")
    shop.visit("/a", views=1 + len(paths))
    assert shop.paths == sorted(["/a", *paths])


def test_should_send_the_referrer_once(shop: Shop) -> None:
    shop.page("/a", 'location = "/b"')
    shop.page("/b", 'push("/c"); done()')
    shop.visit("/a", views=3)
    referrers = {view["path"]: view["referrer"] for view in shop.views.values()}
    assert referrers == {"/a": "", "/b": f"http://{shop.host}/a", "/c": ""}


def test_should_count_a_page_from_the_back_forward_cache(shop: Shop) -> None:
    # Given
    shop.page(
        "/a",
        "onpageshow = (event) => event.persisted && done();"
        'setTimeout(() => { location = "/b"; })',  # after load, so that /a stays in the history
    )
    shop.page("/b", "setTimeout(() => history.back())")

    # When
    shop.visit("/a", views=3)

    # Then
    assert shop.paths == ["/a", "/a", "/b"]


def test_should_count_a_prerendered_page_when_it_is_shown(shop: Shop) -> None:
    # Given
    shop.page("/a", 'await heard("prerendered"); location = "/b"', head=PRERENDER)
    shop.page(
        "/b",
        'if (document.prerendering) say("prerendered");'
        "document.onprerenderingchange = () => done()",
    )

    # When
    shop.visit("/a", host=SECURE_HOST, views=2)

    # Then
    assert shop.paths == ["/a", "/b"]
    view = shop.view_of("/b")
    assert (view["purpose"], view["referrer"]) == ("", f"http://{SECURE_HOST}/a")


def test_should_not_count_a_prerendered_page_that_is_never_shown(shop: Shop) -> None:
    shop.page(
        "/a",
        'await heard("prerendered"); push("/c"); done()',
        head=PRERENDER,
    )
    shop.page("/b", 'push("/d"); say("prerendered")')
    shop.visit("/a", host=SECURE_HOST, views=2)
    assert shop.paths == ["/a", "/c"]


def test_should_count_a_hidden_page_when_it_is_shown(shop: Shop) -> None:
    # Given
    shop.page(
        "/a",
        'open("/b"); await until("visibilitychange");'
        'push("/c"); push("/d"); say("hidden");'
        'await until("visibilitychange"); done()',
    )
    shop.page("/b", 'await heard("hidden"); close()')

    # When
    shop.visit("/a", views=3)

    # Then
    assert shop.paths == ["/a", "/b", "/d"]


@pytest.mark.parametrize(
    "policy",
    ["connect-src 'none'", "connect-src 'self'; img-src 'self' http://{}"],
)
def test_should_use_the_pixel_where_a_policy_forbids_requests(shop: Shop, policy: str) -> None:
    # Given
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy.format(shop.stats)}">'
    shop.page("/a", 'location = "/b?x=1&y=ü"')
    shop.page("/b", "done()", head=meta)

    # When
    shop.visit("/a", views=2)

    # Then
    assert len(shop.views) == 2
    assert shop.view_of("/b?x=1&y=%C3%BC") == {
        "site": "shop",
        "path": "/b?x=1&y=%C3%BC",
        "referrer": f"http://{shop.host}/a",
        "url": f"http://{shop.stats}/pixel.gif",
        "type": "",
        "purpose": "",
        "cookie": "",
    }


def test_should_use_a_beacon_where_fetch_does_not_outlive_the_page(shop: Shop) -> None:
    shop.page(
        "/a", "done()", head="<script>delete Request.prototype.keepalive; fetch = 0;</script>"
    )
    shop.visit("/a", views=1)
    assert shop.paths == ["/a"]
    assert shop.view_of("/a")["type"] == "text/plain;charset=UTF-8"


def test_should_show_a_pixel_that_cannot_be_seen(shop: Shop) -> None:
    shop.page(
        "/a",
        "const canvas = document.createElement('canvas').getContext('2d');"
        "canvas.fillRect(0, 0, 1, 1);"
        "canvas.clearRect(0, 0, 1, 1);"
        "canvas.drawImage(image, 0, 0);"
        "const { data } = canvas.getImageData(0, 0, 1, 1);"
        "await say([image.naturalWidth, image.naturalHeight, ...data]); done()",
        body='<img id="image" src="/pixel.gif">',
    )
    shop.visit("/a", views=0)
    assert shop.said == ["1,1,0,0,0,0", "done"]


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ('<link rel="canonical" href="/c?x=1">', "/c?x=1"),
        ('<link rel="canonical" href="https://{}/c">', "/c"),
        ('<link rel="canonical" href="http://other.example/c">', "/a?x=2"),
        ('<link rel="canonical" href="https://[">', "/a?x=2"),
        ('<link rel="canonical">', "/a?x=2"),
    ],
)
def test_should_take_the_path_from_the_canonical_link(shop: Shop, link: str, path: str) -> None:
    go = 'push("/b"); history.back(); await until("popstate");'
    shop.page("/a", f"{go} done()", head=link.format(shop.host))
    shop.visit("/a?x=2", views=3)
    assert shop.paths == sorted([path, "/b", path])


def test_should_wait_for_the_canonical_link(shop: Shop) -> None:
    shop.page("/a", "done()", head=f'{BLOCKING.format(shop.stats)}<link rel="canonical" href="/c">')
    shop.visit("/a", views=1)
    assert shop.paths == ["/c"]


@pytest.mark.parametrize(
    ("address", "path"), [("/a#/r?x=1", "/r?x=1"), ("/a#!/r", "/r"), ("/a", "/a"), ("/a?x", "/a?x")]
)
def test_should_take_the_path_from_the_fragment_on_demand(
    shop: Shop, address: str, path: str
) -> None:
    shop.page(
        "/a",
        'location.hash = "#/s"; done()',
        attributes="data-hash",
    )
    shop.visit(address, views=2)
    assert shop.paths == sorted([path, "/s"])


def test_should_send_views_where_it_is_told(shop: Shop) -> None:
    shop.page("/a", "done()", attributes='data-endpoint="http://other.example/v"')
    shop.visit("/a", views=1)
    assert shop.paths == ["/a"]
    assert shop.view_of("/a")["url"] == "http://other.example/v"


def test_should_count_once_if_embedded_twice(shop: Shop) -> None:
    shop.page("/a", 'push("/b"); done()', body=2 * BLOCKING.format(shop.stats))
    shop.visit("/a", views=2)
    assert shop.paths == ["/a", "/b"]


@pytest.mark.parametrize(
    ("head", "host"),
    [
        ("", "localhost"),
        ("", "127.0.0.2"),
        ("<script>navigator.__defineGetter__('doNotTrack', () => '1')</script>", ""),
        ("<script>navigator.globalPrivacyControl = true</script>", ""),
    ],
)
def test_should_not_count(shop: Shop, head: str, host: str) -> None:
    shop.page("/a", 'push("/b"); done()', head=head)
    shop.visit("/a", host=host, views=0)
    assert not shop.views


def test_should_not_count_an_automated_browser(tmp_path: Path) -> None:
    with browser_in(tmp_path, "--enable-automation") as browser:
        shop = Shop(browser)
        shop.page("/a", 'push("/b"); done()')
        shop.visit("/a", views=0)
    assert not shop.views


def test_should_count_on_localhost_on_demand(shop: Shop) -> None:
    shop.page("/a", "done()", attributes="data-local")
    shop.visit("/a", host="localhost", views=1)
    assert shop.paths == ["/a"]


def test_should_not_count_frames(shop: Shop) -> None:
    shop.page("/a", 'await heard("framed"); done()', body='<iframe src="/b"></iframe>')
    shop.page("/b", 'say("framed")')
    shop.visit("/a", views=1)
    assert shop.paths == ["/a"]


@pytest.mark.parametrize(
    "toggle",
    [
        'location = "/b#toggle-page-tracker"',
        'location.hash = "toggle-page-tracker"; location = "/b"',
    ],
)
def test_should_stop_counting_own_visits(shop: Shop, toggle: str) -> None:
    # Given
    head = "<script>alert = say</script>"
    shop.page("/a", toggle, head=head)
    shop.page("/b", 'push("/x"); location = "/c"', head=head)
    shop.page("/c", 'location = "/d#toggle-page-tracker"', head=head)
    shop.page("/d", 'await say(location); location = "/e"', head=head)
    shop.page("/e", "done()", head=head)

    # When
    shop.visit("/a", views=3)

    # Then
    assert shop.paths == ["/a", "/d", "/e"]
    assert shop.said == [
        "page-tracker off",
        "page-tracker on",
        f"http://{shop.host}/d#",
        "done",
    ]
