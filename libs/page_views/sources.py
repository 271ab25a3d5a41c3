"""Find out where a visitor came from: which host linked to the page, which campaign brought them.

Both are optional in a view, so what is wrong with them is left out, and never an error.
"""

import re
from urllib.parse import unquote_plus

from libs.page_views.hosts import ascii_host

MAX_CAMPAIGN_CHARACTERS = 200

# What GoatCounter takes for a campaign unless told otherwise, in its order. Newsletters and
# directories say "ref" where advertisers say "utm_source".
_CAMPAIGN_PARAMETERS = ("utm_campaign", "utm_source", "ref")

# The host of a URL, which may have a user before and a port behind it.
_REFERRER = re.compile(
    r"(?:https?|android-app)://(?:[^/\\?#]*@)?([^/\\?#@:]+)(?::[0-9]*)?(?:[/\\?#]|\Z)",
    re.IGNORECASE,
)


def referrer_host(referrer: str, site: str) -> str:
    """Return the host that a visitor came from, without "www.", or "" for none.

    The referrer is a URL, of a page (http, https) or of an app (android-app). There is no host if
    it is another or malformed, has an IPv6 address, or is of the site itself, whose name is from
    libs.page_views.sites.site_name, with or without "www.". At most 253 characters; see
    libs.page_views.hosts.ascii_host.
    """
    match = _REFERRER.match(referrer)
    host = ascii_host(match[1]).removeprefix("www.") if match else ""
    return host if host != site.removeprefix("www.") else ""


def campaign(path_or_query: str) -> str:
    """Return the campaign that brought a visitor, or "" for none.

    Takes the path as the browser sent it, since libs.page_views.paths strips the parameters that
    name campaigns, or only its query, with or without "?". The campaign is the first of
    utm_campaign, utm_source and ref that is not empty, whatever the case of their names. Each run
    of spaces and unprintable characters becomes one space, and what is longer than 200 characters
    is cut.
    """
    path, mark, query = path_or_query.partition("#")[0].partition("?")
    if not mark:
        if path.startswith("/"):
            return ""
        query = path
    values: dict[str, str] = {}
    for parameter in query.split("&"):
        name, equals, value = parameter.partition("=")
        if equals:
            values.setdefault(unquote_plus(name).lower(), value)
    found = (_cleaned(values[name]) for name in _CAMPAIGN_PARAMETERS if name in values)
    return next(filter(None, found), "")


def _cleaned(value: str) -> str:
    text = unquote_plus(value)
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:MAX_CAMPAIGN_CHARACTERS].rstrip()
