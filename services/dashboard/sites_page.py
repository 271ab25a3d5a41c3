"""Show all sites, a row each."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from libs.page_views.report import Reader


def sites_page(reader: Reader) -> Blueprint:
    """Return the page of all sites."""
    blueprint = Blueprint("sites", __name__)

    @blueprint.get("/")
    def page() -> ResponseReturnValue:
        """Show an overview of every site."""
        return render_template("sites.html", overviews=reader.overviews())

    return blueprint
