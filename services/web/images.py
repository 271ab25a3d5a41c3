"""Serve what pages embed: the script that counts views, a pixel, and badges that show numbers.

An image is always answered with an image, so that nothing can break the page.
"""

from urllib.parse import urlsplit

import redis
from flask import Blueprint, Response, jsonify, request
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext

from libs.page_views.paths import InvalidPath, normalise_path
from libs.page_views.reading import Range, by_day, today, totals
from libs.page_views.registry import Site, SiteCache, UnknownSite
from libs.page_views.sites import InvalidSite, site_name
from libs.page_views.view_queue import Queue, QueueFull
from services.web.badge import DEFAULT_COLOUR, DEFAULT_STYLE, NO_BADGE, badge_svg, shields_json
from services.web.ingest import Ingest, add_headers
from services.web.pixel import PIXEL_GIF
from services.web.submission import SentView, is_nonce
from services.web.tracker import TRACKER_ETAG, TRACKER_JS

SCRIPT_SECONDS = 3600
"""How long a browser may keep the script."""

READ_ONLY_SECONDS = 60
"""How long a badge that counts nothing may be kept."""

_NEVER_KEPT = "no-cache, no-store, must-revalidate, max-age=0"  # GitHub keeps images otherwise


def images(
    client: redis.Redis,
    sites: SiteCache,
    queue: Queue,
    ingest: Ingest,
    flags: OpenFeatureClient,
) -> Blueprint:
    """Return GET /tracker.js, /pixel.gif, /badge.svg and /badge.json."""
    blueprint = Blueprint("images", __name__)

    @blueprint.get("/tracker.js")
    def tracker() -> Response:
        """Show the script that counts views."""
        response = Response(TRACKER_JS, mimetype="text/javascript")
        response.headers["Cache-Control"] = f"public, max-age={SCRIPT_SECONDS}"
        response.set_etag(TRACKER_ETAG)
        response.make_conditional(request)
        return response

    @blueprint.get("/pixel.gif")
    def pixel() -> Response:
        """Count a view and show nothing."""
        _count(ingest)
        return _image(PIXEL_GIF, "image/gif")

    @blueprint.get("/badge.svg")
    def badge() -> Response:
        """Count a view, unless count=0, and show a number."""
        counts = request.args.get("count") != "0"
        if counts:
            _count(ingest)
        response = _image(drawn() if badges_are_on() else NO_BADGE, "image/svg+xml")
        if not counts:
            response.headers["Cache-Control"] = f"public, max-age={READ_ONLY_SECONDS}"
            response.add_etag()
            response.make_conditional(request)
        return response

    @blueprint.get("/badge.json")
    def badge_json() -> Response:
        """Show a number as https://shields.io/badges/endpoint-badge wants it; count nothing."""
        label = request.args.get("label", _shown())
        value = number() if badges_are_on() else "switched off"
        return jsonify(shields_json(label, value, _colour()))

    def badges_are_on() -> bool:
        return flags.get_boolean_value("badge", True, _by_site())

    def drawn() -> str:
        label = request.args.get("label", _shown())
        style = request.args.get("style") or flags.get_string_value(
            "badge-style", DEFAULT_STYLE, _by_site()
        )
        return badge_svg(label, number(), _colour(), style)

    def number() -> int | str:
        """Return the number that a badge shows, or why it shows none."""
        try:
            if queue.depth:  # Redis is away
                return "?"
            site = sites.get(site_name(request.args.get("site", "")))
            return _number(client, site) if site.public else "private"
        except (InvalidSite, UnknownSite):
            return "unknown site"
        except InvalidPath:
            return "invalid path"
        except redis.RedisError:
            return "?"

    blueprint.after_request(add_headers)
    return blueprint


def _count(ingest: Ingest) -> None:
    """Count the view that the current request shows, but nothing for HEAD."""
    if request.method == "HEAD":
        return
    nonce = request.args.get("nonce", "")
    sent = SentView(
        request.args.get("site", ""),
        request.args.get("path") or _path_of_page(),
        request.args.get("referrer", ""),
        nonce if is_nonce(nonce) else "",
    )
    try:
        ingest.take([sent])
    except QueueFull:
        pass  # it counts as discarded there


def _path_of_page() -> str:
    """Return the path of the page that shows the image, as far as the browser tells it."""
    try:
        page = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    return f"{page.path or '/'}?{page.query}"


def _image(content: bytes | str, mimetype: str) -> Response:
    response = Response(content, mimetype=mimetype)
    response.headers["Cache-Control"] = _NEVER_KEPT
    return response


def _by_site() -> EvaluationContext:
    """Return what flags are decided by: the site, so that all its badges are alike."""
    try:
        return EvaluationContext(site_name(request.args.get("site", "")))
    except InvalidSite:
        return EvaluationContext("invalid")


def _colour() -> str:
    return request.args.get("colour", request.args.get("color", DEFAULT_COLOUR))


def _shown() -> str:
    """Return what a badge shows: views, visitors, or today's views."""
    shown = request.args.get("show", "")
    return shown if shown in ("visitors", "today") else "views"


def _number(client: redis.Redis, site: Site) -> int:
    path = normalise_path(request.args["path"]) if "path" in request.args else ""
    shown = _shown()
    if shown == "today":
        day = today(site)
        return by_day(client, site, Range(day, day), path)[day].views
    count = totals(client, site, path)
    return count.visitors if shown == "visitors" else count.views
