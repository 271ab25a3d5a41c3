"""Serve the page that shows how to count the views of a site.

It has an experiment, the flag "looks-text": which of two texts leads more visitors to the looks of
a badge. If the flag's file names a site, a pixel counts there who saw a text, and who then the
looks, as it counts the visitors of any page: without a cookie. Visitors are divided by the site
that they ask for, since nothing else about them is known.
"""

import logging
from pathlib import Path

import redis
from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext

from libs.feature_flags.experiments import experiment_path
from libs.page_views.reading import Count, totals
from libs.page_views.registry import SiteCache, UnknownSite
from libs.page_views.sites import InvalidSite, site_name
from services.web.badge import STYLES

STYLE_SECONDS = 3600
"""How long a browser may keep the style sheet."""

_STYLE = Path(__file__).with_name("about.css").read_bytes()

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_logger = logging.getLogger(__name__)


def about(client: redis.Redis, sites: SiteCache, flags: OpenFeatureClient) -> Blueprint:
    """Return GET /about and its style sheet. Neither counts a view of the site it shows."""
    blueprint = Blueprint("about", __name__, template_folder=".")

    @blueprint.get("/about")
    def page() -> ResponseReturnValue:
        """Show what to copy into the pages of a site, or a form that asks for the site.

        With "looks" in the query, show the looks of its badge as well.
        """
        asked = request.args.get("site", "").strip()
        try:
            name = site_name(asked) if asked else ""
            if not name:
                return _page()
            looks = STYLES if "looks" in request.args else ()
            return _page(site=name, looks=looks, **_known(name), **_text(name, bool(looks)))
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

    def _text(name: str, goal: bool) -> dict[str, str]:
        """Return which text leads to the looks, and where the page is counted, if anywhere."""
        text = flags.get_string_details("looks-text", "plain", EvaluationContext(name))
        if not text.variant:  # the file does not decide
            return {"text": text.value}
        return {
            "text": text.value,
            "counting_site": str(text.flag_metadata.get("site", "")),
            "counted_path": experiment_path("looks-text", text.variant, goal),
        }

    return blueprint


def _page(**values: object) -> Response:
    base = f"{request.scheme}://{request.host}"
    response = Response(render_template("about.html", base=base, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response
