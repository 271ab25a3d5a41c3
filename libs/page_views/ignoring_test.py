"""Tests of the rules by which a site ignores views, and of how they are written."""

import pytest

from libs.page_views.ignoring import (
    IGNORED_ADDRESS,
    IGNORED_PATH,
    IgnoreRules,
    network,
    path_pattern,
)
from libs.page_views.visitors import packed_address


@pytest.mark.parametrize(
    ("pattern", "ignored", "counted"),
    [
        ("/a", ["/a"], ["/", "/a?b=1", "/a/b", "/ab", "/A"]),
        ("/a?b=1", ["/a?b=1"], ["/a", "/a?b=12"]),
        ("/a/*", ["/a", "/a?b=1", "/a/b", "/a/b?c"], ["/", "/ab", "/b/a/b"]),
        ("/a*", ["/a", "/a?b=1", "/a/b", "/ab"], ["/", "/b", "/b/a"]),
        ("/.*", ["/.env"], ["/", "/a"]),
        ("/*", ["/", "/?a", "/a"], []),
    ],
)
def test_should_ignore_paths(pattern: str, ignored: list[str], counted: list[str]) -> None:
    rules = IgnoreRules(["/other", path_pattern(pattern)], [])
    assert {path for path in ignored + counted if rules.why_ignored(b"", path)} == {*ignored}
    assert {rules.why_ignored(b"", path) for path in ignored} == {IGNORED_PATH}


@pytest.mark.parametrize(
    ("rule", "ignored", "counted"),
    [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.0.0.1"], ["11.0.0.0", "a00::"]),
        ("10.0.0.1", ["10.0.0.1", "64:ff9b::10.0.0.1"], ["10.0.0.2", "::10.0.0.1"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.1"], ["11.0.0.0"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::"], ["2001:db9::", "32.1.13.184"]),
        ("fe80::1", ["fe80::1", "fe80::1%eth0"], ["fe80::2", "", "unix:"]),
        ("::/0", ["::1", "2001:db8::1"], ["10.0.0.1", ""]),
    ],
)
def test_should_ignore_addresses(rule: str, ignored: list[str], counted: list[str]) -> None:
    rules = IgnoreRules([], ["192.0.2.0/24", network(rule)])
    why = {
        address: rules.why_ignored(packed_address(address), "/") for address in ignored + counted
    }
    assert why == {**dict.fromkeys(ignored, IGNORED_ADDRESS), **dict.fromkeys(counted, "")}


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("/%61//b/?utm_source=x#c", "/a/b"),
        ("/é/*", "/%C3%A9/*"),
        ("//a//*", "/a/*"),
        ("/a/..*", "/a/..*"),
    ],
)
def test_should_write_a_path_in_one_form(text: str, pattern: str) -> None:
    assert path_pattern(text) == path_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "^'a' is no path: write it from its /, such as /admin/\\*$"),
        ("*", "is no path"),
        ("https://example.org/a", "is no path"),
        ("/*/a", "^'/\\*/a' has a \\* that is not at the end of a path$"),
        ("/a?b*", "not at the end"),
        ("/a#b*", "not at the end"),
        ("/a;sid=*", "not at the end"),
        ("/%2A", "not at the end"),
        ("/\0", "control character"),
        ("/a" * 1025, "more than 2048 characters"),
    ],
)
def test_should_refuse_what_is_no_pattern(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        path_pattern(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("::FFFF:192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
    ],
)
def test_should_write_a_network_in_one_form(text: str, form: str) -> None:
    assert network(text) == network(form) == form


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.1/8", "^'10.0.0.1/8' is no network: its first address is another, 10.0.0.0/8$"),
        ("2001:db8::1/32", "its first address is another, 2001:db8::/32$"),
        ("example.org", "^'example.org' is no address or network, such as 192.0.2.7 or fd00::/8$"),
        ("10.0.0.0/33", "is no address or network"),
        ("10.0.0.1, 10.0.0.2", "is no address or network"),
        ("fe80::1%eth0", "is no address or network"),
        ("1", "is no address or network"),
        ("x" * 1000, "^'x{50}' is no address or network"),
    ],
)
def test_should_refuse_what_is_no_network(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(text)
