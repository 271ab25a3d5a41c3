"""Tests of the list of referrer spammers."""

import hashlib
from importlib.resources import files

import pytest

from libs.page_views.referrer_spam import is_referrer_spam


@pytest.mark.parametrize(
    "host",
    [
        "semalt.com",
        "semalt.semalt.com",
        "a.b.c.semalt.com",
        "SEMALT.com",
        "semalt.com.",
        "qiwi.xyz",  # QIWI.xyz in the list
        "xn--80adgcaax6acohn6r.xn--p1ai",
        "fialka.tomsk.ru",  # only this subdomain is in the list
    ],
)
def test_should_know_spammers_and_their_subdomains(host: str) -> None:
    assert is_referrer_spam(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "com",
        "example.com",
        "notsemalt.com",
        "semalt.com.example.com",
        "tomsk.ru",
        "www.google.com",
        "example.kharkov.ua",
        "localhost",
        "203.0.113.9",
        "#",
        "# version: 4.0.0",
        "a." * 130 + "semalt.com",  # too long for a host
        "a." * 4_000,
    ],
)
def test_should_keep_other_referrers(host: str) -> None:
    assert not is_referrer_spam(host)


def test_should_have_the_list_as_matomo_published_it() -> None:
    text = files("libs.page_views").joinpath("referrer_spammers.txt").read_bytes()
    _, _, checksum, hosts = text.split(b"\n", 3)
    assert checksum.split()[-1] == hashlib.sha256(hosts).hexdigest().encode()
    assert hosts.count(b"\n") > 1_900
