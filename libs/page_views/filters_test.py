"""Tests of which requests are a person's view of a page."""

import timeit

import pytest

from libs.page_views.filters import USER_AGENT_CHARACTERS, why_dropped

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"
CHROME = f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36"
COMPATIBLE = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)

PEOPLE = [
    CHROME,
    f"{CHROME} Edg/142.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Safari/605.1.15",
    IPHONE,
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG 9) {WEBKIT} Chrome/142.0.0.0 Mobile"
    " Safari/537.36",
    f"{WINDOWS} WhatsApp/2.2326.10 Chrome/114.0.5735.134 Electron/25.2.0 Safari/537.36",
    f"{WINDOWS} Slack/4.35.131 Chrome/120.0.6099.56 Electron/28.0.0 Safari/537.36 Sonic"
    " Slack_SSB/4.35.131",
    f"{WINDOWS} Code/1.115.0 Chrome/142.0.7444.265 Electron/39.8.5 Safari/537.36",
    "w3m/0.5.3",
    "w3m/0.5.3+git20230121",
    "Lynx/2.8.9rel.1 libwww-FM/2.14",
    "Links (2.29; Linux 6.1 x86_64; GNU C 12.2; text)",
    "Links (2.29)",
    "ELinks/0.16.1.1",
    "Dillo/3.1.1",
    "NetSurf/3.11 (Linux)",
    "github-camo (876de43e)",
]

HTTP_LIBRARIES = [
    "curl/8.5.0",
    "Wget/1.21.3",
    "python-requests/2.32.3",
    "python-httpx/0.27.0",
    "Python/3.11 aiohttp/3.9.1",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "Apache-HttpClient/4.5.14 (Java/17.0.2)",
    "Java/17.0.2",
    "axios/1.6.7",
    "node",
    "undici",
    "Bun/1.1.0",
    "Deno/1.40",
    "my-shop/2.3",
    "WordPress/6.4; https://example.org",
    "Zapier",
    "Mozilla/5.0",
]

CRAWLERS = [
    ("Googlebot/2.1 (+http://www.google.com/bot.html)", "bot"),
    (
        f"{COMPATIBLE}; Googlebot/2.1; +http://www.google.com/bot.html)"
        " Chrome/142.0.0.0 Safari/537.36",
        "bot",
    ),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bot"),
    ("WhatsApp/2.23.20.0 A", "bot"),  # the preview of a link
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "bot"),
    (f"{COMPATIBLE}; GPTBot/1.2; +https://openai.com/gptbot)", "ai_crawler"),
    (f"{COMPATIBLE}; ClaudeBot/1.0; +claudebot@anthropic.com)", "ai_crawler"),
    (f"{WINDOWS} HeadlessChrome/142.0.0.0 Safari/537.36", "automation"),
]


@pytest.mark.parametrize("user_agent", PEOPLE)
def test_should_keep_a_persons_view(user_agent: str) -> None:
    assert why_dropped({"user-agent": user_agent}) is None


@pytest.mark.parametrize("from_program", [False, True])
@pytest.mark.parametrize(("user_agent", "reason"), CRAWLERS)
def test_should_drop_crawlers(user_agent: str, reason: str, from_program: bool) -> None:
    assert why_dropped({"user-agent": user_agent}, from_program=from_program) == reason


@pytest.mark.parametrize("user_agent", HTTP_LIBRARIES)
def test_should_drop_an_http_library_unless_it_is_the_sites_own(user_agent: str) -> None:
    headers = {"user-agent": user_agent}
    assert why_dropped(headers) == "bot"
    assert why_dropped(headers, from_program=True) is None


@pytest.mark.parametrize(
    "headers", [{}, *({"user-agent": user_agent} for user_agent in ("", " ", "-", " - "))]
)
def test_should_need_a_user_agent_of_visitors_only(headers: dict[str, str]) -> None:
    assert why_dropped(headers) == "no_user_agent"
    assert why_dropped(headers, from_program=True) is None


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("dnt", "1", "do_not_track"),
        ("dnt", " 1 ", "do_not_track"),
        ("dnt", "0", None),
        ("dnt", "", None),
        ("sec-gpc", "1", "global_privacy_control"),
        ("sec-gpc", "?1", None),  # the standard has only "1"
        ("sec-gpc", "0", None),
        ("sec-purpose", "prefetch", "prefetch"),
        ("sec-purpose", "prefetch;prerender", "prefetch"),
        ("sec-purpose", " PreFetch;anonymous-client-ip", "prefetch"),
        ("sec-purpose", "", None),
        ("sec-purpose", "not-a-prefetch", None),
        ("purpose", "prefetch", "prefetch"),
        ("purpose", "Preview", "prefetch"),
        ("x-purpose", "preview", "prefetch"),
        ("x-moz", "prefetch", "prefetch"),
        ("x-other", "prefetch", None),
    ],
)
def test_should_respect_what_other_headers_say(name: str, value: str, reason: str | None) -> None:
    headers = {"user-agent": CHROME, name: value}
    assert why_dropped(headers) == reason
    assert why_dropped(headers, from_program=True) == reason


def test_should_believe_the_snippet_that_a_prerendered_page_was_shown() -> None:
    headers = {"user-agent": CHROME, "sec-purpose": "prefetch;prerender"}
    assert why_dropped(headers, from_snippet=True) is None
    assert why_dropped(headers | {"dnt": "1"}, from_snippet=True) == "do_not_track"


def test_should_return_the_first_reason() -> None:
    headers = {"x-moz": "prefetch", "sec-gpc": "1", "user-agent": "curl/8.5.0", "dnt": "1"}
    reasons = []
    for name in ("dnt", "sec-gpc", "x-moz", "user-agent"):
        reasons.append(why_dropped(headers))
        del headers[name]
    assert reasons == ["do_not_track", "global_privacy_control", "prefetch", "bot"]


def test_should_read_only_the_beginning_of_a_long_user_agent() -> None:
    filled = CHROME.ljust(USER_AGENT_CHARACTERS - len(" GPTBot")) + " GPTBot"
    assert why_dropped({"user-agent": filled}) == "ai_crawler"
    assert why_dropped({"user-agent": filled.replace("GPT", "  GPT")}) is None
    assert why_dropped({"user-agent": "A" * 10_000}) == "bot"
    assert why_dropped({"user-agent": CHROME + " Word/1.0" * 1_100}) is None


def test_should_decide_quickly_about_user_agents_seen_before() -> None:
    headers = {"user-agent": IPHONE, "accept": "*/*", "host": "example.org"}
    seconds = min(timeit.repeat(lambda: why_dropped(headers), number=1_000, repeat=5)) / 1_000
    assert seconds < 10e-6  # a microsecond when nothing else runs; matching takes 300
