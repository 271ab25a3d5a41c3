"""Tests that each site has one name, and that whoever writes another learns which."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.page_views.sites import InvalidSite, site_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.org", "example.org"),
        ("www.Example.ORG.", "www.example.org"),
        ("localhost", "localhost"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_should_name_a_site(text: str, name: str) -> None:
    assert site_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        *("https://example.org/", "HTTP://Example.org:8080/a?b#c", "example.org:8080"),
        *("//example.org", "example.org/blog/", "example.org?a", "https://me:pw@example.org"),
        *(" example.org", "example.org\n", "mailto:me@example.org", "example.org./"),
        *("https:/example.org", "example.org:80/\n", "example.org/a\nb"),
    ],
)
def test_should_say_which_host_to_write(text: str) -> None:
    with pytest.raises(InvalidSite) as caught:
        site_name(text)
    assert str(caught.value) == (
        f"a site is a host name without scheme, port or path: write example.org, not {text!r}"
    )


def test_should_take_no_host_for_a_scheme() -> None:
    with pytest.raises(InvalidSite, match="write localhost, not 'localhost:8000'"):
        site_name("localhost:8000")


@pytest.mark.parametrize(
    "text",
    [
        *("", "https://", "exa mple.org", "example.org b", "a..org", "-a.example", "[::1]:80"),
        *("example.org:http", "\ud800", "é" * 300, "a" * 254),
    ],
)
def test_should_say_what_a_host_is(text: str) -> None:
    with pytest.raises(InvalidSite) as caught:
        site_name(text)
    assert str(caught.value) == (
        "a site is a host name of letters, digits and hyphens between dots, at most 253 characters:"
        f" write one such as example.org, not {text[:60]!r}"
    )


@settings(deadline=None, database=None, derandomize=True)
@given(st.lists(st.sampled_from(["://", "a.b", ":", "@", "é"]) | st.text()).map("".join))
def test_should_name_a_site_or_say_what_to_write(text: str) -> None:
    try:
        name = site_name(text)
    except InvalidSite as error:
        assert ": write " in str(error)
    else:
        assert site_name(name) == name
