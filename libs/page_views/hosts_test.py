"""Tests that each host has one name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.page_views.hosts import MAX_CHARACTERS, ascii_host

LONGEST = ".".join(["a" * 63] * 3 + ["a" * 61])


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.Org.", "example.org"),
        ("localhost", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("_my_app.a-b.example", "_my_app.a-b.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("XN--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),  # as browsers; IDNA 2003 had "strasse"
        ("ｅｘａｍｐｌｅ。org", "example.org"),
        ("а.example", "xn--80a.example"),  # Cyrillic, so another host than a.example
        (LONGEST, LONGEST),
        (f"{LONGEST}.", LONGEST),
    ],
)
def test_should_give_a_host_one_name(text: str, host: str) -> None:
    assert ascii_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", ".a", "a..b", "a..", "a b", " a", "a\n", "a:80", "a/b", "a%41", "[::1]"),
        *("-a", "a-", "a.-b", "é.-a", "é b", "é..a", "é/b", "❤.example", "\u0301a", "\u00ad"),
        *("\ud800", "é\ud800", "\0", "a" * 64, f"{LONGEST}a", "é" * MAX_CHARACTERS, "é" * 60),
    ],
)
def test_should_find_no_host(text: str) -> None:
    assert ascii_host(text) == ""


@settings(deadline=None, database=None, derandomize=True)
@given(st.text(st.sampled_from(".-_aé\u00ad\ud800。ß\u200d") | st.characters()))
def test_should_change_nothing_the_second_time_and_never_fail(text: str) -> None:
    host = ascii_host(text)
    assert len(host) <= MAX_CHARACTERS
    assert ascii_host(host) == host
