"""Tests of where a visitor came from, with all that referrers and queries can hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.page_views.sources import MAX_CAMPAIGN_CHARACTERS, campaign, referrer_host

SITE = "example.org"

URLS = ["http://", "https://www.", "android-app://", "utm_source=", "?", "&", "@", "%ff", "+", "é"]
TEXTS = st.text() | st.lists(st.sampled_from(URLS) | st.text()).map("".join)


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://news.example/a?b#c", "news.example"),
        ("HTTP://WWW.News.Example", "news.example"),
        ("http://news.example:8080/", "news.example"),
        ("http://news.example:?a", "news.example"),
        ("http://news.example.#a", "news.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://www2.news.example/", "www2.news.example"),
        ("http://192.0.2.1/", "192.0.2.1"),
        ("android-app://com.example.My_Reader/https/a", "com.example.my_reader"),
        ("https://example.org@evil.example/", "evil.example"),
        ("https://a:b@c@evil.example/", "evil.example"),
        ("https://news.example\\a", "news.example"),
        ("https://evil.example\\@example.org/", "evil.example"),  # as browsers read it
        ("https://evil.example?@example.org/", "evil.example"),
        ("https://blog.example.org/", "blog.example.org"),  # another site
        ("https://notexample.org/", "notexample.org"),
        ("https://news.example/" + "a" * 100_000, "news.example"),
    ],
)
def test_should_name_the_host_that_links_to_the_site(referrer: str, host: str) -> None:
    assert referrer_host(referrer, SITE) == host


@pytest.mark.parametrize(
    "referrer",
    [
        *("", "-", "news.example", "//news.example/", "/a", "about:blank", "ftp://news.example/"),
        *("https:news.example", "https://", "https:///a", "https://?a", "https://:80/"),
        *("https://news.example:port/", "https://news example/", "https://news..example/"),
        *("https://[2001:db8::1]/", "https://%6eews.example/", "x https://a.b/", "http://a@"),
        *("https://\ud800/", "https://news.example\n/", "https://" + "a." * 127 + "a/"),
    ],
)
def test_should_name_no_host_without_a_valid_referrer(referrer: str) -> None:
    assert referrer_host(referrer, SITE) == ""


@pytest.mark.parametrize("site", ["example.org", "www.example.org"])
@pytest.mark.parametrize(
    "referrer",
    ["https://example.org/a", "http://www.example.org", "https://EXAMPLE.org.:8080/?b"],
)
def test_should_name_no_host_within_the_site(referrer: str, site: str) -> None:
    assert referrer_host(referrer, site) == ""


@pytest.mark.parametrize(
    "text",
    [
        *("/a?utm_campaign=spring", "?utm_campaign=spring", "utm_campaign=spring", "ref=spring"),
        *("https://example.org/?utm_campaign=spring", "/?b=1&utm_campaign=spring#c"),
        *("/?utm_source=mail&utm_campaign=spring", "/?ref=a&utm_source=spring"),
        *("/?utm_campaign=&utm_source=spring", "/?utm_campaign=%20+%00&utm_source=spring"),
        *("/?utm_campaign&utm_source=spring", "/?utm_campaign=spring&utm_campaign=b"),
        *("/?UTM_Campaign=spring", "/?%75tm_campaign=spring", "/?utm_campaign=%73pring"),
        *("/?ref=+spring+%0A", "/?ref=%E2%80%AEspring", "/?ref=\ud800spring"),
    ],
)
def test_should_name_the_campaign(text: str) -> None:
    assert campaign(text) == "spring"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Big+sale%20%E2%82%AC1", "Big sale €1"),
        ("a=b", "a=b"),
        ("a%0D%0Ab%C2%A0+c", "a b c"),
        ("caf%E9", "caf\ufffd"),
        ("100%", "100%"),
        ("a" * 10_000, "a" * MAX_CAMPAIGN_CHARACTERS),
        ("a" * (MAX_CAMPAIGN_CHARACTERS - 1) + "+b", "a" * (MAX_CAMPAIGN_CHARACTERS - 1)),
    ],
)
def test_should_clean_the_name_of_a_campaign(value: str, name: str) -> None:
    assert campaign(f"/?utm_source={value}") == name


@pytest.mark.parametrize(
    "text",
    ["", "/", "?", "/a?b=1", "/utm_source=a", "/&utm_source=a", "/#?ref=a", "/?xref=a", "ref"],
)
def test_should_name_no_campaign(text: str) -> None:
    assert campaign(text) == ""


@settings(deadline=None, database=None, derandomize=True)
@given(TEXTS, TEXTS)
def test_should_find_at_most_a_valid_host_in_any_text(referrer: str, site: str) -> None:
    host = referrer_host(referrer, site)
    assert host == "" or referrer_host(f"https://{host}/", "") == host.removeprefix("www.")


@settings(deadline=None, database=None, derandomize=True)
@given(TEXTS)
def test_should_find_at_most_a_short_clean_campaign_in_any_text(text: str) -> None:
    for name in (campaign(text), campaign(f"/?utm_campaign={text}")):
        assert len(name) <= MAX_CAMPAIGN_CHARACTERS
        assert name.isprintable() and name == name.strip()
