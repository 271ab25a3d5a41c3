"""Give the page views in logs and in GoatCounter's CSV an identity, and make views of them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from libs.page_views.imported_hours import Identified
from libs.page_views.judging import checked_view, judged_view
from libs.page_views.recording import View
from libs.page_views.visitors import Client
from services.admin.imports.access_log import LoggedRequest, read_views
from services.admin.imports.goatcounter import PageView, read_csv
from services.admin.imports.line_identity import LineNonces, line_digest

LogEntry = Identified[tuple[LoggedRequest, bool]]
"""A request, and whether its log tells user agents."""


def log_entries(
    logs: Iterable[tuple[Iterable[bytes], str]],
    site: str,
    hosts: Collection[str],
    problems: Counter[str],
) -> Iterator[LogEntry]:
    """Yield the page views in logs, each of which is its lines and its format.

    Other lines are counted in problems: also those of hosts that are neither the site nor among
    hosts, as "other_host". A log without hosts is the site's. Raises ImportFormatError.
    """
    nonces = LineNonces(site)
    known_hosts = {"", site, f"www.{site}", site.removeprefix("www."), *hosts}
    for lines, format_name in logs:
        has_user_agents = not format_name.startswith("common")
        for request in read_views(lines, format_name, problems):
            if request.host.lower() in known_hosts:
                nonce = nonces.nonce(request.digest)
                yield Identified(request.time, nonce, (request, has_user_agents))
            else:
                problems["other_host"] += 1


def view_of_request(site: str) -> Callable[[tuple[LoggedRequest, bool], str], View]:
    """Return a function that makes the view of a site, or the drop, of an entry and its nonce."""

    def view(entry: tuple[LoggedRequest, bool], nonce: str) -> View:
        request, has_user_agents = entry
        return judged_view(
            site,
            request.path,
            time=request.time,
            address=request.address,
            referrer=request.referrer,
            nonce=nonce,
            headers={"user-agent": request.user_agent},
            sender={"from_program": not has_user_agents},  # so that none is no reason to drop it
        )

    return view


def csv_entries(path: str, site: str, problems: Counter[str]) -> Iterator[Identified[PageView]]:
    """Yield the page views in a CSV export of GoatCounter, as read_csv() does."""
    nonces = LineNonces(site)
    for view in read_csv(path, problems):
        digest = line_digest(repr(tuple(view)).encode(errors="surrogatepass"))
        yield Identified(view.time, nonces.nonce(digest), view)


def view_of_page_view(view: PageView, nonce: str) -> View:
    """Return the view of a page view in a CSV export of GoatCounter; a session is a visitor."""
    session = Client(b"", view.session)
    return checked_view(view.path, view.time, session, view.referrer, view.campaign, "", nonce)
