"""Tests that everything needs an account unless it says that it is open."""

import re

import redis
from flask import Blueprint, Flask

from libs.accounts.links import FIRST_LINK_PATH
from libs.page_views.tokens import SHARED
from services.dashboard.app import create_app
from services.dashboard.guard import ROOT, open_to_all
from services.dashboard.testing import SIGN_IN


def test_should_refuse_every_address_without_an_account_by_default(app: Flask) -> None:
    # Given
    opened = {f"{ROOT}/static/<path:filename>", SIGN_IN, FIRST_LINK_PATH}
    outside = {"/", "/livez", "/readyz", "/static/<path:filename>"}
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.rule not in outside | opened and not rule.rule.startswith(f"{SHARED}/")
    ]
    assert len(rules) > 5
    client = app.test_client()

    # Then
    for rule in rules:
        assert rule.rule.startswith(f"{ROOT}/")
        address = re.sub("<.*?>", "x", rule.rule)
        for method in rule.methods or ():
            answer = client.open(address, method=method)
            expected = 401 if method == "POST" else 303
            assert answer.status_code == expected, (method, address)
    for unknown in (f"{ROOT}/nonsense", ROOT, f"{ROOT}/account/"):
        assert client.get(unknown).location.startswith(f"{SIGN_IN}?next=")
    assert client.get("/livez").status_code == 200


def test_should_open_only_what_says_so(redis_client: redis.Redis) -> None:
    # Given a view on its own, and one that is in a closed and in an open blueprint
    app = create_app(redis_client)
    app.add_url_rule(f"{ROOT}/open", "open", open_to_all(lambda: "open"))
    pages = Blueprint("pages", __name__)
    pages.add_url_rule("/page", "page", lambda: "page")
    opened = open_to_all(Blueprint("opened", __name__, url_prefix=f"{ROOT}/opened"))
    opened.register_blueprint(pages)
    app.register_blueprint(opened)
    app.register_blueprint(pages, url_prefix=f"{ROOT}/closed")

    # Then
    client = app.test_client()
    for address, text in ((f"{ROOT}/open", "open"), (f"{ROOT}/opened/page", "page")):
        answer = client.get(address)
        assert (answer.text, answer.headers.get("Set-Cookie")) == (text, None)
    assert client.get(f"{ROOT}/closed/page").status_code == 303
    assert client.get(f"{ROOT}/opened/nonsense").status_code == 303
