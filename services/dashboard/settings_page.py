"""Add sites, show what to embed in their pages, and change their settings."""

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

import redis
from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from libs.accounts.audit import record_change
from libs.page_views.registry import UnknownSite
from libs.page_views.site_lookup import SiteLookup
from libs.page_views.site_settings import DEFAULTS, MOST_LINES
from libs.page_views.tokens import share_path, site_with_tokens
from services.dashboard import settings_actions
from services.dashboard.settings_actions import (
    ACTIONS,
    MOST_LABEL_CHARACTERS,
    Done,
    Refused,
    settings_of,
)
from services.dashboard.tracker_address import EXAMPLE, tracker_from_environment

_MESSAGES = {
    "added": "The site is added. Put the script into its pages, and its views are counted.",
    "saved": "The settings are saved. They hold within 5 seconds.",
    "renamed": "The site is renamed. Now change its name in what its pages embed.",
    "removed": "The site and all its numbers are removed.",
    "revoked": "It is revoked and permits nothing any more.",
}


def settings_page(client: redis.Redis) -> Blueprint:
    """Return the pages that add a site and change its settings; client may write.

    They need g.account, the name of who is signed in. Templates find done, a sentence about what
    the form before has done, if any. Raises libs.flask_service.settings.SettingError if the
    variable TRACKER_URL is invalid.
    """
    blueprint = Blueprint("settings", __name__)
    sites = SiteLookup(client)
    tracker = tracker_from_environment()

    @blueprint.app_context_processor
    def add_message() -> dict[str, str | None]:
        return {"done": _MESSAGES.get(request.args.get("done", ""))}

    @blueprint.get("/sites/add")
    def new_site() -> ResponseReturnValue:
        """Ask for a new site."""
        return _new_site_page({"zone": DEFAULTS["zone"]})

    @blueprint.post("/sites/add")
    def add() -> ResponseReturnValue:
        """Add a site."""
        try:
            return follow(settings_actions.add(client, request.form))
        except Refused as error:
            return _new_site_page(request.form, error.problems), 400

    @blueprint.get("/sites/<name>/settings")
    def page(name: str) -> ResponseReturnValue:
        """Show the settings of a site."""
        return show(name)

    @blueprint.post("/sites/<name>/settings")
    def change(name: str) -> ResponseReturnValue:
        """Do what one of the forms asks for."""
        act = ACTIONS.get(request.form["action"])
        if act is None:
            raise BadRequest()
        try:
            site, _ = site_with_tokens(sites, name)
            return follow(act(client, site, request.form))
        except Refused as error:
            return show(name, error.problems), 400
        except UnknownSite as error:
            raise NotFound from error

    def follow(done: Done) -> ResponseReturnValue:
        """Record what was done, and lead to a page that says so."""
        if done.what:
            record_change(client, g.account, done.site, done.what)
        if done.token:  # it is nowhere else, so it cannot be shown after a redirect
            return show(done.site, made=done)
        if done.name == "removed":
            return redirect(url_for("dashboard.sites.page", done=done.name), 303)
        return redirect(url_for(".page", name=done.site, done=done.name), 303)

    def show(name: str, problems: dict[str, str] | None = None, made: Done | None = None) -> str:
        """Return the page of settings, with what was typed if there are problems."""
        try:
            site, tokens = site_with_tokens(sites, name)
        except UnknownSite as error:
            raise NotFound from error
        typed = request.form if problems else {}
        settings = typed if typed.get("action") == "save" else settings_of(site)
        return render_template(
            "settings.html",
            site=site,
            tokens=tokens,
            settings=settings,
            typed=typed,
            problems=problems or {},
            made=made,
            here=request.host_url.rstrip("/"),
            tracker=tracker or EXAMPLE,
            tracker_is_known=tracker is not None,
            share_path=share_path,
            date_of=lambda token: datetime.fromtimestamp(token.created, site.zone).date(),
            **_choices(),
        )

    return blueprint


def _new_site_page(typed: Any, problems: dict[str, str] | None = None) -> str:
    return render_template("new_site.html", typed=typed, problems=problems or {}, **_choices())


def _choices() -> dict[str, Any]:
    """Return what forms may ask for."""
    return {
        "zones": _zones(),
        "most_lines": MOST_LINES,
        "most_label_characters": MOST_LABEL_CHARACTERS,
    }


@lru_cache(1)
def _zones() -> list[str]:
    return sorted(available_timezones() - {"Factory", "localtime"})
