"""Serve the page that shows how to count the views of a site."""

import logging
from pathlib import Path

import redis
from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from libs.page_views.reading import Count, totals
from libs.page_views.registry import SiteCache, UnknownSite
from libs.page_views.sites import InvalidSite, site_name

STYLE_SECONDS = 3600
"""How long a browser may keep the style sheet."""

_STYLE = Path(__file__).with_name("about.css").read_bytes()

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_logger = logging.getLogger(__name__)


def about(client: redis.Redis, sites: SiteCache) -> Blueprint:
    """Return GET /about and its style sheet. Neither counts a view."""
    blueprint = Blueprint("about", __name__, template_folder=".")

    @blueprint.get("/about")
    def page() -> ResponseReturnValue:
        """Show what to copy into the pages of a site, or a form that asks for the site."""
        asked = request.args.get("site", "").strip()
        try:
            name = site_name(asked) if asked else ""
            return _page(asked=asked, site=name, **(_known(name) if name else {}))
        except InvalidSite as error:
            sentence = str(error)
            return _page(asked=asked, problem=f"{sentence[0].upper()}{sentence[1:]}."), 400
        except UnknownSite:
            problem = f"{name} is not registered here: its operator adds it with 'sites add'."
            return _page(asked=asked, problem=problem), 404

    @blueprint.get("/about.css")
    def style() -> Response:
        """Show the style sheet."""
        response = Response(_STYLE, mimetype="text/css")
        response.headers["Cache-Control"] = f"public, max-age={STYLE_SECONDS}"
        response.add_etag()
        response.make_conditional(request)
        return response

    def _known(name: str) -> dict[str, bool | Count]:
        """Return what is known of a site: whether anyone may read its numbers, and these.

        Raises UnknownSite. While Redis is away, what it knows is left out.
        """
        known: dict[str, bool | Count] = {}
        try:
            site = sites.get(name)
            known["public"] = site.public
            if site.public:
                known["count"] = totals(client, site)
        except redis.RedisError as error:
            _logger.warning("Redis is away, no numbers are shown: %s", error)
        return known

    return blueprint


def _page(**values: object) -> Response:
    base = f"{request.scheme}://{request.host}"
    response = Response(render_template("about.html", base=base, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response
