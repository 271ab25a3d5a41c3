"""Let nobody see or change anything without an account, unless a view says that all may see it."""

from collections.abc import Callable
from typing import Any, TypeVar

import redis
from flask import Blueprint, Flask, Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Unauthorized

from services.dashboard.forms import check_form, csrf_token
from services.dashboard.sessions import CookieSessions, load_session

ROOT = "/dashboard"
"""What all addresses begin with, so that a gateway need not change them."""

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_View = TypeVar("_View", bound=Callable[..., Any])
_ViewOrBlueprint = TypeVar("_ViewOrBlueprint", bound=Callable[..., Any] | Blueprint)


def open_to_all(view: _ViewOrBlueprint) -> _ViewOrBlueprint:
    """Let everybody see a view, or all of a blueprint, even if others have the same views.

    There is no session, so no cookie is set, and Redis is asked for no account.
    """
    setattr(view, "guard", "open")
    return view


def without_account(view: _View) -> _View:
    """Let a view have a session without an account: its forms are protected, its page is not."""
    setattr(view, "guard", "session")
    return view


def guard(app: Flask, client: redis.Redis) -> None:
    """Protect all addresses below ROOT of a Flask application; client is that of settings.

    A view then finds the name of the account in g.account, and templates csrf_token(). A request
    without an account is led to the page to sign in, or answered 401 if it is to change something.
    """
    app.session_interface = CookieSessions()
    app.add_template_global(csrf_token)

    @app.before_request
    def check() -> ResponseReturnValue | None:
        """Answer a request that is not permitted."""
        if not f"{request.path}/".startswith(f"{ROOT}/"):
            return None
        protection = _protection()
        if protection == "open":
            return None
        load_session(client)
        if protection == "account" and not g.account:
            if request.method not in _SAFE_METHODS:
                raise Unauthorized("Sign in first, then send the form again.")
            here = request.full_path if request.query_string else request.path
            return redirect(url_for("dashboard.signing_in.sign_in", next=here), 303)
        if request.method not in _SAFE_METHODS:
            check_form()
        return None

    @app.after_request
    def let_forms_name_their_origin(response: Response) -> Response:
        """Let browsers say where a form comes from, which they do not under no-referrer."""
        if "secret" in g:
            response.headers.setdefault("Referrer-Policy", "same-origin")
        return response


def _protection() -> str:
    """Return "open", "session" or "account", which all have that say nothing."""
    blueprints = (current_app.blueprints[name] for name in request.blueprints)
    if request.endpoint == "dashboard.static" or any(map(_mark, blueprints)):
        return "open"
    return _mark(current_app.view_functions.get(request.endpoint or "")) or "account"


def _mark(marked: object) -> str:
    return getattr(marked, "guard", "")
