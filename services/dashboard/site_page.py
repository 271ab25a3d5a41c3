"""Show one site: its views and visitors over time, and its pages, referrers and campaigns."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from libs.page_views.report import Reader


def site_page(reader: Reader) -> Blueprint:
    """Return the page of one site."""
    blueprint = Blueprint("site", __name__, url_prefix="/sites/<name>")

    @blueprint.get("/")
    def page(name: str) -> ResponseReturnValue:
        """Show a site."""
        return render_template("site.html", opened=reader.open(name))

    return blueprint
