"""A web service that shows what was counted, to operators and to whom they share it with."""

import os
from functools import partial

import redis
from flask import Blueprint, Flask, Response, redirect, url_for
from flask.typing import ResponseReturnValue

from libs.flask_service.redis_metrics import measure
from libs.flask_service.service import create_service
from libs.page_views.reports.reader import Reader
from services.dashboard.audit_page import audit_page
from services.dashboard.delivery import asset, compress, keep
from services.dashboard.errors import show_errors
from services.dashboard.flags_page import flags_page
from services.dashboard.guard import ROOT, guard, open_to_all
from services.dashboard.numbers import change, exact, share, short
from services.dashboard.operations_page import operations_page
from services.dashboard.policy import content_security_policy
from services.dashboard.prometheus import prometheus_from_environment
from services.dashboard.readiness import why_not_ready
from services.dashboard.redis_clients import connect_to_settings, connect_to_sites
from services.dashboard.settings_page import settings_page
from services.dashboard.sharing import sharing
from services.dashboard.signing_in import signing_in
from services.dashboard.site_page import site_page
from services.dashboard.sites_page import sites_page

KEPT_SECONDS = 0.5
"""How old numbers may be: who looks at the same page then costs Redis next to nothing."""

NICENESS = 6
"""How much the dashboard gives way to the tracker if both want the processor: it gets a quarter as
much, as by the cpu_shares of compose.yaml."""


def create_nice_app() -> Flask:
    """Return create_app() for a worker of Gunicorn, which gives way from then on.

    It starts without giving way: on a busy machine, nobody would see pages for a long time.
    """
    app = create_app()
    os.nice(NICENESS)
    return app


def create_app(
    client: redis.Redis | None = None, settings_client: redis.Redis | None = None
) -> Flask:
    """Return the WSGI application; without a client it reads from the Redis at REDIS_URL.

    settings_client reads and writes accounts and settings; without one, client does, and without
    both, one for SETTINGS_REDIS_URL if that is set. Everything needs an account, unless
    services.dashboard.guard.open_to_all says otherwise of a view. Both connect on first use. Raises
    libs.redis_access.urls.RedisSettingError if a variable that says how to reach Redis is invalid,
    or libs.flask_service.settings.SettingError if another is.
    """
    settings = settings_client or client or connect_to_settings()
    client = client or connect_to_sites()
    measure(settings)
    measure(client)
    app = create_service(__name__, partial(why_not_ready, client, settings))
    guard(app, settings)
    reader = Reader(client, KEPT_SECONDS)

    dashboard = Blueprint(
        "dashboard", __name__, url_prefix=ROOT, template_folder="templates", static_folder="static"
    )
    for show in (change, exact, share, short):
        dashboard.add_app_template_filter(show)
    dashboard.add_app_template_global(asset)
    site = site_page(reader)
    for pages in (
        sites_page(reader),
        site,
        settings_page(settings),
        audit_page(settings),
        flags_page(client),
        signing_in(settings),
    ):
        dashboard.register_blueprint(pages)
    prometheus = prometheus_from_environment()
    if prometheus:
        dashboard.register_blueprint(operations_page(prometheus))
    app.jinja_env.globals["has_operations"] = bool(prometheus)
    show_errors(app, dashboard)

    @app.after_request  # also of pages that nobody has
    def add_policy(response: Response) -> Response:
        """Let pages load our own style sheet, script and images, and nothing else."""
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
        return response

    app.register_blueprint(dashboard)
    app.register_blueprint(open_to_all(sharing(client, site)))
    app.after_request(keep)
    app.after_request(compress)

    @app.get("/")
    def index() -> ResponseReturnValue:
        """Lead to the dashboard."""
        return redirect(url_for("dashboard.sites.page"))

    return app
