"""Tests that all addresses of a page become one path, and that no text breaks the rule."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.page_views.paths import MAX_CHARACTERS, InvalidPath, normalise_path

SAME = [
    *("/a", "/ab/c.html", "/~user", "/a.", "/...", "/A", "/a+b", "/a%20", "/a%2Fb", "/a%252Fb"),
    *("/a;v=1", "/a/..;/b", "/%2561", "/a?q=%2B", "/a?q=%26", "/a?b=1&b=2", "/a?x", "/a?=x"),
    *("/a?u=https://b/?c", "/a?reference=1&utm=1", "/a%3Bjsessionid=1", "/a%3Fb", "/a%23b"),
    "/" + "a" * (MAX_CHARACTERS - 1),
]

NORMALISED = [
    ("", "/"),
    ("a", "/a"),
    # Slashes and dots.
    *[("/a/", "/a"), ("//a", "/a"), ("/a//b", "/a/b"), ("///", "/")],
    *[("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/../../a", "/a"), ("/%2e%2e/a", "/a")],
    *[("/a/..", "/"), ("/a/b/../", "/a"), ("/a//../b", "/b"), ("/a/.", "/a")],
    # Percent-encoding.
    *[("/%61", "/a"), ("/%7euser", "/~user"), ("/a%2fb", "/a%2Fb"), ("/a%2Bb", "/a+b")],
    *[("/%", "/%25"), ("/a%zz", "/a%25zz"), ("/%u0061", "/%25u0061"), ("/a%3bb", "/a%3Bb")],
    *[("/a b", "/a%20b"), ("/a/ ", "/a"), (" /a", "/a"), ("/<b>", "/%3Cb%3E")],
    *[("/a\\b", "/a%5Cb"), ("/a%5cb", "/a%5Cb")],
    # Unicode.
    *[("/caf\xe9", "/caf%C3%A9"), ("/cafe\u0301", "/caf%C3%A9"), ("/cafe%CC%81", "/caf%C3%A9")],
    *[("/K\u212a", "/KK"), ("/a\u200bb", "/a%E2%80%8Bb"), ("/\u202ea", "/%E2%80%AEa")],
    ("/a\u037ejsessionid=1", "/a%3Bjsessionid=1"),  # NFC makes a semicolon of U+037E
    # Fragments and hosts.
    *[("/a#x", "/a"), ("/#/route", "/"), ("/a#?b", "/a")],
    *[("https://example.org/a", "/a"), ("HTTP://example.org", "/"), ("http://h:80?a", "/?a")],
    *[("//evil.example/a", "/evil.example/a"), ("ftp://h/a", "/ftp:/h/a")],
    # Queries.
    *[("/a?", "/a"), ("/a?x=", "/a?x"), ("/?&=", "/"), ("/a?b=2&a=1", "/a?a=1&b=2")],
    *[("/a?q=a+b", "/a?q=a%20b"), ("/a?%61=%62", "/a?a=b"), ("/a?b?c#d", "/a?b?c")],
    *[("/a?b=c=d", "/a?b=c%3Dd"), ("/a?b=2&b=1", "/a?b=1&b=2")],
    # Tracking parameters.
    *[("/a?UTM_Source=x&b=1", "/a?b=1"), ("/a?%75tm_source=x", "/a"), ("/a?fbclid=1&x", "/a?x")],
    *[("/a?_x_tr_sl=de&__cf_chl_tk=1&continueFlag=1", "/a"), ("/a?nsu\u212aey=1", "/a")],
    *[("/a;jsessionid=A1", "/a"), ("/a;v=1;JSESSIONID=A1/b", "/a;v=1/b")],
    *[("/..;sid=1/a", "/a"), ("/;sid=1/a", "/a"), ("/a;jsessionid%3D1", "/a")],
    ("/a?utm_source=caf%E9&utm_term=%00", "/a"),  # not read, so not refused
]

REFUSED = [
    *[("/%00", "control"), ("/a%0Ab", "control"), ("/a\tb", "control"), ("/a\n", "control")],
    *[("/\x7f", "control"), ("/\x85", "control"), ("/a?b=%1F", "control"), ("/a?%01", "control")],
    *[("/caf%E9", "utf8"), ("/%C0%AF", "utf8"), ("/%ED%A0%80", "utf8"), ("/\ud800", "utf8")],
    *[("/a?q=%FF", "utf8"), ("/a?%FF=q", "utf8"), ("/a;%FF", "utf8")],
    ("/" + "a" * MAX_CHARACTERS, "long"),
    ("/a?ref=" + "b" * MAX_CHARACTERS, "long"),  # though it would become short
    ("/" + "\xe9" * (MAX_CHARACTERS // 2 - 1), "long"),  # when it is encoded
]

MESSAGES = {
    "control": "the path has a control character",
    "long": "the path has more than 2048 characters",
    "utf8": "the path is not UTF-8",
}

# Text of the characters on which the rule turns, and of all others.
TEXTS = st.text(st.sampled_from("/.;?&=%#+\\ 2ef\u0301\u0338\u037e\u212a\ud800") | st.characters())
PARTS = ["a", "/", "..", "%2e", "%2F", ";sid=", "utm_a", "?", "&", "=", "%", "%25", "http://", "é"]
PATHS = TEXTS | st.lists(st.sampled_from(PARTS) | TEXTS).map("".join)


@pytest.mark.parametrize("path", SAME)
def test_should_keep_a_normal_path(path: str) -> None:
    assert normalise_path(path) == path


@pytest.mark.parametrize(("path", "normal"), NORMALISED)
def test_should_normalise_a_path(path: str, normal: str) -> None:
    assert normalise_path(path) == normal


@pytest.mark.parametrize(("path", "reason"), REFUSED)
def test_should_refuse_a_path_each_time_with_its_reason(path: str, reason: str) -> None:
    for _ in range(2):
        with pytest.raises(InvalidPath) as caught:
            normalise_path(path)
        assert (caught.value.reason, str(caught.value)) == (reason, MESSAGES[reason])


@settings(deadline=None, database=None, derandomize=True)
@given(PATHS)
@example("/?&=")
@example("/a;sid%3D/..")
def test_should_change_nothing_the_second_time_and_fail_in_no_other_way(path: str) -> None:
    try:
        normal = normalise_path(path)
    except InvalidPath:
        return
    assert normal.startswith("/") and normal.isascii() and normal.isprintable()
    assert normalise_path(normal) == normal
