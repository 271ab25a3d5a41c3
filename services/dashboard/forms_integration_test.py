"""Tests that only forms from our own pages, of the same session, are accepted."""

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from libs.accounts.accounts import add_account
from libs.accounts.links import FIRST_LINK_PATH
from libs.accounts.passwords import hash_password
from services.dashboard.testing import (
    ACCOUNT,
    EVERYWHERE,
    PASSWORD,
    SIGN_IN,
    SIGN_OUT,
    csrf_token,
    is_signed_in,
)


@pytest.mark.parametrize("page", [SIGN_IN, ACCOUNT, FIRST_LINK_PATH, SIGN_OUT, EVERYWHERE])
def test_should_refuse_a_form_that_is_not_of_this_session(
    app: Flask, client: FlaskClient, page: str
) -> None:
    # Given
    foreign = csrf_token(app.test_client().get(SIGN_IN))
    own = csrf_token(client.get(ACCOUNT))

    # Then
    for token in (None, "", "é", "A", own[:-2], own + "AAAA", "A" * 86, foreign):
        answer = client.post(page, data={} if token is None else {"csrf_token": token})
        assert answer.status_code == 403
        assert "This form is of another session" in answer.text
    assert is_signed_in(client)
    assert own != csrf_token(client.get(ACCOUNT))


def test_should_refuse_to_sign_a_browser_in_from_elsewhere(
    app: Flask, redis_client: redis.Redis
) -> None:
    # Given an attacker has an account, and the token of a session of their own
    add_account(redis_client, "eve", hash_password("eve", PASSWORD))
    token = csrf_token(app.test_client().get(SIGN_IN))
    fields = {"name": "eve", "password": PASSWORD, "csrf_token": token}

    # Then a browser that sends it is not signed in, with a session or without one
    client = app.test_client()
    assert client.post(SIGN_IN, data=fields).status_code == 403
    client.get(SIGN_IN)
    assert client.post(SIGN_IN, data=fields).status_code == 403


@pytest.mark.parametrize(
    ("headers", "is_accepted"),
    [
        ({}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.example"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "http://localhost:8000"}, False),
        ({"Origin": "http://["}, False),
        ({"Origin": "null"}, False),
    ],
)
def test_should_refuse_forms_that_other_sites_send(
    client: FlaskClient, headers: dict[str, str], is_accepted: bool
) -> None:
    token = csrf_token(client.get(ACCOUNT))
    answer = client.post(SIGN_OUT, data={"csrf_token": token}, headers=headers)
    assert (answer.status_code == 303) is is_accepted
    assert (answer.status_code == 403) is not is_accepted
