"""Tests of sessions: their cookie, their end, and what is not believed."""

import time
from collections.abc import Callable
from http.cookies import SimpleCookie

import pytest
import redis
from flask import Flask, g, session
from flask.testing import FlaskClient
from redis.connection import AbstractConnection

from libs.accounts import links, sessions
from libs.accounts.accounts import add_account, all_accounts, remove_account, sign_out_everywhere
from libs.accounts.audit import record_change
from libs.accounts.passwords import hash_password
from libs.flask_service.settings import PROXIES_VARIABLE
from services.dashboard.app import create_app
from services.dashboard.guard import ROOT, without_account
from services.dashboard.testing import (
    ACCOUNT,
    EVERYWHERE,
    PASSWORD,
    SIGN_IN,
    SIGN_OUT,
    cookie_of,
    csrf_token,
    is_signed_in,
    sign_in,
    submit,
    with_cookie,
)


def test_should_begin_another_session_at_sign_in(app: Flask, redis_client: redis.Redis) -> None:
    @app.get(f"{ROOT}/remember")
    @without_account
    def _remember() -> str:
        return str(session.setdefault("kept", g.account))

    # Given a session that somebody else knows
    add_account(redis_client, "ada", hash_password("ada", PASSWORD))
    client = app.test_client()
    token = csrf_token(client.get(SIGN_IN))
    assert client.get(f"{ROOT}/remember").text == "None"
    fixed = cookie_of(client)

    # When
    sign_in(client, "ada")

    # Then
    assert is_signed_in(client)
    assert client.get(f"{ROOT}/remember").text == "ada"
    assert not is_signed_in(with_cookie(app, fixed))
    assert client.post(SIGN_OUT, data={"csrf_token": token}).status_code == 403


@pytest.mark.parametrize(
    ("scheme", "name", "flags"),
    [
        ("http", "session", {"httponly": True, "secure": ""}),
        ("https", "__Host-session", {"httponly": True, "secure": True}),
    ],
)
def test_should_set_a_cookie_that_only_this_host_receives(
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    name: str,
    flags: dict[str, object],
) -> None:
    # Given
    monkeypatch.setenv(PROXIES_VARIABLE, "127.0.0.1")
    client = create_app(redis_client).test_client()
    client.environ_base["HTTP_X_FORWARDED_PROTO"] = scheme
    add_account(redis_client, "ada", hash_password("ada", PASSWORD))

    # When
    anonymous = client.get(SIGN_IN, base_url=f"{scheme}://localhost").headers["Set-Cookie"]
    data = {"csrf_token": "", "name": "ada", "password": PASSWORD}
    data["csrf_token"] = csrf_token(client.get(SIGN_IN, base_url=f"{scheme}://localhost"))
    answer = client.post(SIGN_IN, base_url=f"{scheme}://localhost", data=data)

    # Then
    assert answer.status_code == 303
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    expected = {**flags, "path": "/", "samesite": "Lax", "domain": ""}
    assert {key: morsel[key] for key in expected} == expected
    assert (morsel.key, morsel["max-age"]) == (name, "2592000")
    assert anonymous.startswith(f"{name}=") and "Max-Age" not in anonymous
    assert ("__Host-session" in anonymous) is (scheme == "https")


def test_should_set_no_cookie_on_pages_that_change_nothing(client: FlaskClient) -> None:
    answer = client.get(ACCOUNT)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "end",
    [
        lambda client, store: sign_out_everywhere(store, "ada"),
        lambda client, store: remove_account(store, "ada"),
        lambda client, store: sessions.rotate_secret(store),
        lambda client, store: submit(client, ACCOUNT, SIGN_OUT),
        lambda client, store: submit(client, ACCOUNT, EVERYWHERE),
        lambda client, store: links.use_link(
            store, links.password_link_token(store, "ada"), "", "other hash"
        ),
    ],
    ids=["everywhere by command", "removed", "rotated", "sign out", "everywhere", "link"],
)
def test_should_end_sessions_also_for_who_has_a_copy(
    app: Flask,
    client: FlaskClient,
    redis_client: redis.Redis,
    end: Callable[[FlaskClient, redis.Redis], object],
) -> None:
    # Given
    copy = with_cookie(app, cookie_of(client))
    token = csrf_token(copy.get(ACCOUNT))

    # When
    end(client, redis_client)

    # Then
    assert not is_signed_in(client)
    assert not is_signed_in(copy)
    assert with_cookie(app, cookie_of(copy)).post(EVERYWHERE).status_code == 401
    assert copy.post(SIGN_OUT, data={"csrf_token": token}).status_code == 401
    # An account that gets the same name has nothing to do with that.
    if not all_accounts(redis_client):
        add_account(redis_client, "ada", "hash")
        assert not is_signed_in(copy)


def test_should_end_a_session_after_30_days(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + sessions.SESSION_SECONDS - 60)
    assert is_signed_in(client)
    monkeypatch.setattr(time, "time", lambda: now + sessions.SESSION_SECONDS + 60)
    assert not is_signed_in(client)


def test_should_end_only_the_session_that_signs_out(
    app: Flask, client: FlaskClient, redis_client: redis.Redis
) -> None:
    other = app.test_client()
    assert sign_in(other, "ada").status_code == 303
    submit(client, ACCOUNT, SIGN_OUT)
    assert is_signed_in(other)
    record_change(redis_client, "ada", "a.example", "made it <public>")
    assert "made it &lt;public&gt;" in other.get(f"{ROOT}/audit").text


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        ".",
        "x",
        "e30.x",
        "W10.",
        "bnVsbA.",
        "eyJhY2NvdW50Ijp7fX0.",
        "eyJpZCI6Ilx1ZDgwMCJ9.x",
        "é",
    ],
)
def test_should_take_a_cookie_that_it_has_not_signed_for_none(app: Flask, cookie: str) -> None:
    assert not is_signed_in(with_cookie(app, cookie))


def test_should_not_believe_a_cookie_that_was_changed(app: Flask, client: FlaskClient) -> None:
    payload, _, signature = cookie_of(client).partition(".")
    for forged in (f"{payload}A.{signature}", payload, f"{payload}.{signature[:-1]}"):
        assert not is_signed_in(with_cookie(app, forged))


def test_should_check_a_session_in_one_round_trip(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    sent: list[object] = []
    send = AbstractConnection.send_packed_command

    def count(self: AbstractConnection, command: object, *arguments: object) -> None:
        sent.append(command)
        send(self, command, *arguments)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", count)

    # Then
    assert is_signed_in(client)
    assert len(sent) == 1
