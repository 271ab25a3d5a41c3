"""Sign in to the dashboard in tests, and send its forms."""

import re

import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from libs.accounts.accounts import add_account
from libs.accounts.passwords import hash_password
from services.dashboard.guard import ROOT

SIGN_IN = f"{ROOT}/sign-in"
SIGN_OUT = f"{ROOT}/sign-out"
EVERYWHERE = f"{ROOT}/sign-out-everywhere"
ACCOUNT = f"{ROOT}/account"
PASSWORD = "correct horse battery"

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def signed_in_client(app: Flask, settings_client: redis.Redis, name: str = "ada") -> FlaskClient:
    """Add an account, and return a client that has signed in to it by the page."""
    add_account(settings_client, name, hash_password(name, PASSWORD))
    client = app.test_client()
    assert sign_in(client, name).status_code == 303
    return client


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD, **more: str) -> TestResponse:
    """Sign in by the page, and return the answer."""
    return submit(client, SIGN_IN, name=name, password=password, **more)


def submit(client: FlaskClient, page: str, to: str = "", **fields: str) -> TestResponse:
    """Load a page with a form and send the form, to its own address unless another is given."""
    token = csrf_token(client.get(page))
    return client.post(to or page, data={"csrf_token": token, **fields})


def csrf_token(page: TestResponse) -> str:
    """Return the token of the first form in a page."""
    found = _TOKEN.search(page.text)
    assert found, page.text
    return found[1]


def is_signed_in(client: FlaskClient) -> bool:
    """Return whether the client sees a page that needs an account."""
    answer = client.get(ACCOUNT)
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def cookie_of(client: FlaskClient) -> str:
    """Return the session's cookie."""
    cookie = client.get_cookie("session")
    assert cookie
    return cookie.value


def with_cookie(app: Flask, value: str) -> FlaskClient:
    """Return another client with this cookie."""
    client = app.test_client()
    client.set_cookie("session", value)
    return client
