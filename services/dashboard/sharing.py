"""Show a site to whoever may see it without an account: if it is public, or with a link."""

import redis
from flask import Blueprint, Response, g
from werkzeug.exceptions import NotFound

from libs.page_views.registry import UnknownSite
from libs.page_views.site_lookup import SiteLookup
from libs.page_views.tokens import SHARED, shared_site
from services.dashboard.policy import content_security_policy


def sharing(client: redis.Redis, pages: Blueprint) -> Blueprint:
    """Return pages about one site, for all who may see it; client only reads.

    Each view takes the site's name. Its links to others are relative, so that they lead to pages
    that are shared in the same way. Templates find shared to be true. Register the blueprint on the
    application itself: what is for accounts does not apply to it.
    """
    sites = SiteLookup(client)
    blueprint = Blueprint("shared", __name__, url_prefix=SHARED)
    blueprint.register_blueprint(pages, name="public", url_prefix="/<name>")
    blueprint.register_blueprint(pages, name="link", url_prefix="/<name>/<token>")

    @blueprint.url_value_preprocessor
    def permit(_endpoint: str | None, values: dict[str, str] | None) -> None:
        """Answer 404 unless the site is shared so; take the token from the view's arguments."""
        values = values or {}
        token = values.pop("token", "")
        try:
            g.shared_site = shared_site(sites, values["name"], token)
        except UnknownSite as error:
            raise NotFound("There is no such page, or it is not shared any more.") from error

    @blueprint.context_processor
    def tell_templates() -> dict[str, bool]:
        """Tell templates that nobody is signed in here."""
        return {"shared": True}

    blueprint.after_request(_add_headers)
    return blueprint


def _add_headers(response: Response) -> Response:
    """Keep the address, which may be a secret, from others; let chosen pages embed the page."""
    hosts = g.shared_site.embed_hosts if "shared_site" in g else ()
    response.headers["Content-Security-Policy"] = content_security_policy(hosts)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    if hosts:  # also those that need it for all they embed: Cross-Origin-Embedder-Policy
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
