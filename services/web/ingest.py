"""Take in page views: from the snippet, from programs, and from images on pages."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import redis
from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import (
    BadRequest,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)

from libs.page_views.judging import INVALID_PATH, judged_view
from libs.page_views.recording import COUNTED, RATE_LIMIT, View, new_nonce
from libs.page_views.registry import SiteCache, UnknownSite
from libs.page_views.sites import InvalidSite, site_name
from libs.page_views.tokens import is_permitted
from libs.page_views.view_queue import Queue, QueueFull
from services.web.metrics import count_views
from services.web.submission import InvalidSubmission, SentView, read_submission

DROPPED_HEADER = "X-Page-Tracker-Dropped"
"""Names the reasons for which views of a request were dropped, separated by commas."""

UNKNOWN_SITE = "unknown_site"

_FOR_ALL_ORIGINS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",  # seconds
}
_FILTERED_HEADERS = (
    *("dnt", "sec-gpc"),
    *("sec-purpose", "purpose", "x-purpose", "x-moz"),
    "user-agent",
)
_RETRY_SECONDS = 1


@dataclass
class Result:
    """What became of the views of a request."""

    accepted: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """How many views were dropped for each reason."""
    stored: bool = True
    """Whether Redis has them. If not, they wait for it in this process."""


class Ingest:
    """Takes in the views of one process."""

    def __init__(self, client: redis.Redis, sites: SiteCache, queue: Queue) -> None:
        self._client = client
        self._sites = sites
        self._queue = queue

    def take(self, sent: Iterable[SentView], limited: bool = True, **sender: bool) -> Result:
        """Record the views that this request sends; drop what is not a person's view of a page.

        limited is whether the limits of the sites apply; sender is what
        libs.page_views.filters.why_dropped is to know. Raises libs.page_views.view_queue.QueueFull.
        """
        result = Result()
        headers = {
            name: value
            for name in _FILTERED_HEADERS
            if (value := request.headers.get(name)) is not None
        }
        by_site: dict[str, list[View]] = {}
        for view in sent:
            try:
                name = site_name(view.site)
            except InvalidSite:
                result.dropped[UNKNOWN_SITE] += 1
            else:
                by_site.setdefault(name, []).append(_view(name, view, headers, sender))
        for name, views in by_site.items():
            try:
                outcomes = self._queue.record(name, views, limited)
            except UnknownSite:
                result.dropped[UNKNOWN_SITE] += len(views)
                continue
            if outcomes is None:
                result.stored = False
                outcomes = [view.dropped or COUNTED for view in views]
            result.dropped.update(outcome for outcome in outcomes if outcome != COUNTED)
            result.accepted += outcomes.count(COUNTED)
        count_views(result.accepted, result.stored, result.dropped)
        g.dropped = result.dropped
        return result

    def may_override(self, sent: Iterable[SentView]) -> bool:
        """Return whether the request has a token that permits to send views to all their sites.

        Raises werkzeug.exceptions.Unauthorized if it has a token that does not permit it.
        """
        token = request.authorization.token if request.authorization else None
        if not token:
            return False
        for name in {view.site for view in sent}:
            try:
                site = self._sites.get(site_name(name))
            except (InvalidSite, UnknownSite):
                continue
            if not is_permitted(self._client, site, token, "send"):
                raise Unauthorized(f"The token does not permit to send views to {site.name}.")
        return True


def views_call(ingest: Ingest) -> Blueprint:
    """Return POST /api/v1/views, which services/web/openapi.json describes."""
    blueprint = Blueprint("views", __name__)

    @blueprint.route("/api/v1/views", methods=["POST", "OPTIONS"], provide_automatic_options=False)
    def views() -> ResponseReturnValue:
        """Record one view or several."""
        if request.method == "OPTIONS":
            return Response(status=204, headers=_PREFLIGHT)
        if request.mimetype not in ("application/json", "text/plain"):
            raise UnsupportedMediaType(
                "Send JSON as application/json, or from a page as text/plain."
            )
        from_program = request.mimetype == "application/json"
        try:
            sent = read_submission(request.get_data())
            trusted = ingest.may_override(sent)
            if not trusted and any(view.overrides for view in sent):
                raise Unauthorized("Only with a token may views say address, user_agent or time.")
            result = ingest.take(
                sent, not trusted, from_program=from_program, from_snippet=not from_program
            )
        except InvalidSubmission as error:
            raise BadRequest(f"{error}.") from error
        except (QueueFull, redis.RedisError) as error:
            raise ServiceUnavailable(
                "Redis cannot be reached; send the views again.", retry_after=_RETRY_SECONDS
            ) from error
        if not result.accepted and len(result.dropped) == 1:
            _refuse(*result.dropped)
        counts = {"accepted": result.accepted, "dropped": result.dropped.total()}
        return jsonify({**counts, "stored": result.stored}), 202

    blueprint.after_request(add_headers)
    return blueprint


def add_headers(response: Response) -> Response:
    """Let pages of all origins use the answer, and name the reasons for drops, if any."""
    response.headers.extend(_FOR_ALL_ORIGINS)
    if dropped := g.get("dropped"):
        response.headers[DROPPED_HEADER] = ", ".join(dropped)
    return response


def _refuse(reason: str) -> None:
    """Raise an error if the sender can do something about the reason for which all was dropped."""
    if reason == INVALID_PATH:
        raise BadRequest(
            "A path must be UTF-8 without control characters, at most 2,048 characters long."
        )
    if reason == UNKNOWN_SITE:
        raise NotFound("The site is not registered: its operator adds it with 'sites add'.")
    if reason == RATE_LIMIT:
        seconds = 60 - int(time.time()) % 60
        raise TooManyRequests(
            "Too many views in this minute; send them later.", retry_after=seconds
        )


def _view(
    site: str, sent: SentView, headers: Mapping[str, str], sender: Mapping[str, bool]
) -> View:
    """Return the view that is recorded for what a client sent."""
    user_agent = headers.get("user-agent", "")
    if sent.user_agent:  # a visitor's, not that of the program
        user_agent = sent.user_agent
        headers, sender = {**headers, "user-agent": user_agent}, {}
    return judged_view(
        site,
        sent.path,
        time=time.time() if sent.time is None else sent.time,
        address=sent.address or request.remote_addr or "",
        referrer=sent.referrer,
        nonce=sent.nonce or new_nonce(),
        headers=headers,
        sender=sender,
    )
