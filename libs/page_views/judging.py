"""Make the view that is recorded of a request for a page, or the drop if it is no person's."""

from collections.abc import Mapping

from libs.page_views.filters import USER_AGENT_CHARACTERS, why_dropped
from libs.page_views.paths import InvalidPath, normalise_path
from libs.page_views.recording import View
from libs.page_views.referrer_spam import is_referrer_spam
from libs.page_views.sources import campaign, referrer_host
from libs.page_views.visitors import Client, packed_address

INVALID_PATH = "invalid_path"
REFERRER_SPAM = "referrer_spam"


def judged_view(  # pylint: disable=too-many-arguments  # a request has so many parts
    site: str,
    path: str,
    *,
    time: float,
    address: str,
    referrer: str,
    nonce: str,
    headers: Mapping[str, str],
    sender: Mapping[str, bool] | None = None,
) -> View:
    """Return the view of a page of a site, or the drop.

    path and referrer are as the client sent them; time is in seconds since 1970. headers and
    sender are what libs.page_views.filters.why_dropped is to know.
    """
    user_agent = headers.get("user-agent", "")[:USER_AGENT_CHARACTERS]
    return checked_view(
        path,
        time,
        Client(packed_address(address), user_agent),
        referrer_host(referrer, site) if referrer else "",
        campaign(path),
        why_dropped(headers, **(sender or {})) or "",
        nonce,
    )


def checked_view(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # as View has
    path: str,
    time: float,
    client: Client,
    referrer: str,
    campaign_name: str,
    dropped: str,
    nonce: str,
) -> View:
    """Return a view with these attributes, but with the path of libs.page_views.paths.

    It is dropped if it has no such path, or if its referrer, a host, is known for spam.
    """
    normal = ""
    try:
        normal = normalise_path(path)
    except InvalidPath:
        dropped = dropped or INVALID_PATH
    if not dropped and is_referrer_spam(referrer):
        dropped = REFERRER_SPAM
    return View(normal, time, client, referrer, campaign_name, dropped, nonce)
