"""Decide by its headers whether a request is a person's view of a page, and if not, why.

is-bot decides whether a user agent is a bot's. The tags of crawler-user-agents only name the kind:
that list also has apps in which people read pages, such as the desktop apps of Slack and WhatsApp.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from is_bot import Bots

Reason = Literal[
    "do_not_track",
    "global_privacy_control",
    "prefetch",
    "no_user_agent",
    "automation",
    "ai_crawler",
    "bot",
]
"""Why a request is dropped. The names are stable: clients and stored counts have them."""

USER_AGENT_CHARACTERS = 512
"""How much of a user agent is read: matching a longer one would cost more than a millisecond."""

_PURPOSE_HEADERS = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_PREFETCH = ("prefetch", "preview")  # "preview" is for Safari's page of top sites

# is-bot takes these for bots.
_PEOPLE = re.compile(
    r"(?:w3m|Dillo|ELinks|NetSurf)/|Links \("  # browsers for text and for small machines
    r"|github-camo\b"  # fetches the images of a page on GitHub for each of its readers
)

# crawler-user-agents tags these "seo", but they send what the programs of a site ask them to.
_PROGRAMS = re.compile(r"WordPress/|Zapier\b")

_bots = Bots()


def _known_crawlers(has: Callable[[list[str]], bool]) -> re.Pattern[str]:
    """Return a pattern for the crawlers whose tags the function accepts."""
    crawlers = (crawler for crawler in CRAWLER_USER_AGENTS_DATA if has(crawler.get("tags", [])))
    return re.compile("|".join(crawler["pattern"] for crawler in crawlers))


_AUTOMATION = _known_crawlers(lambda tags: "browser-automation" in tags)
_AI_CRAWLERS = _known_crawlers(lambda tags: "ai-crawler" in tags)
_CRAWLERS = _known_crawlers(lambda tags: "http-library" not in tags)


def why_dropped(
    headers: Mapping[str, str], *, from_snippet: bool = False, from_program: bool = False
) -> Reason | None:
    """Return the first reason why a request is no person's view of a page, or None if it is one.

    The names of the headers are in lower case.

    from_snippet: the snippet sent it, which waits until a prerendered page is shown. Browsers may
    still call its request a prefetch, and that is ignored.
    from_program: a program on the site's own server sent it. The user agent says nothing about the
    visitor, so it may be missing or an HTTP library's. Known crawlers are still dropped.
    """
    if headers.get("dnt", "").strip() == "1":
        return "do_not_track"
    if headers.get("sec-gpc", "").strip() == "1":
        return "global_privacy_control"
    if not from_snippet:
        for name in _PURPOSE_HEADERS:
            if name in headers and headers[name].strip().lower().startswith(_PREFETCH):
                return "prefetch"
    user_agent = headers.get("user-agent", "")[:USER_AGENT_CHARACTERS].strip()
    return _why_bot(user_agent, from_program)


@lru_cache(maxsize=4096)  # about 3 MB if all are as long as allowed
def _why_bot(user_agent: str, from_program: bool) -> Reason | None:
    if user_agent in ("", "-"):  # "-" stands for none in logs
        return None if from_program else "no_user_agent"
    if _PEOPLE.match(user_agent) or not _bots.is_bot(user_agent):
        return None
    if _AUTOMATION.search(user_agent):
        return "automation"
    if _AI_CRAWLERS.search(user_agent):
        return "ai_crawler"
    if from_program and (_PROGRAMS.match(user_agent) or not _CRAWLERS.search(user_agent)):
        return None
    return "bot"
