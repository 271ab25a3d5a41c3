"""Tests of signing in and out, of passwords and of one-time links."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from libs.accounts import links
from libs.accounts.accounts import add_account, all_accounts
from libs.accounts.audit import recent_changes
from libs.accounts.links import FIRST_LINK_PATH
from libs.accounts.passwords import hash_password
from libs.flask_service import computing
from services.dashboard.guard import ROOT
from services.dashboard.testing import (
    ACCOUNT,
    PASSWORD,
    SIGN_IN,
    SIGN_OUT,
    is_signed_in,
    sign_in,
    submit,
)

OTHER_PASSWORD = "another good password"


def test_should_sign_in_and_out(client: FlaskClient) -> None:
    assert "Account ada" in client.get(ACCOUNT).text
    assert client.get(SIGN_IN).location == f"{ROOT}/"
    assert submit(client, ACCOUNT, SIGN_OUT).location == SIGN_IN
    assert not is_signed_in(client)
    assert client.post(SIGN_OUT).status_code == 401


@pytest.mark.parametrize(
    ("target", "followed"),
    [
        (f"{ROOT}/sites/example.org/?range=30d&page=%2Fa%26b", True),
        (f"{ROOT}/account", True),
        (f"{ROOT}/\r\nSet-Cookie: a=b", False),
        ("", False),
        ("//evil.example", False),
        (r"\\evil.example", False),
        (r"/\evil.example", False),
        ("https://evil.example/dashboard/", False),
        ("https:/dashboard/", False),
        ("javascript:alert(1)", False),
        ("/livez", False),
        (f"{ROOT}.evil.example/", False),
        (f" {ROOT}/", False),
        (f"/{ROOT}/", False),
    ],
)
def test_should_go_on_to_where_the_visitor_wanted_but_nowhere_else(
    app: Flask, redis_client: redis.Redis, target: str, followed: bool
) -> None:
    # Given
    add_account(redis_client, "ada", hash_password("ada", PASSWORD))
    client = app.test_client()

    # When
    answer = sign_in(client, "ada", next=target)
    again = client.get(SIGN_IN, query_string={"next": target})

    # Then
    assert answer.status_code == again.status_code == 303
    for location in (answer.location, again.location):
        assert location.startswith(f"{ROOT}/")
        assert (location != f"{ROOT}/") is followed
        assert "\n" not in location and not location.startswith("//")
    assert len(answer.headers.get_all("Set-Cookie")) == 1


def test_should_ask_to_sign_in_and_then_show_the_same_view(
    app: Flask, redis_client: redis.Redis
) -> None:
    add_account(redis_client, "ada", hash_password("ada", PASSWORD))
    client = app.test_client()
    wanted = f"{ROOT}/sites/example.org/?range=2026-11-01..&page=/a%26b&page=%C3%A9"
    form = client.get(client.get(wanted).location)
    (target,) = re.findall('name="next" value="([^"]+)"', form.text)
    target = target.replace("&amp;", "&")
    assert sign_in(client, "ada", next=target).location == wanted


def test_should_give_the_same_answer_for_an_unknown_account(
    app: Flask, redis_client: redis.Redis
) -> None:
    add_account(redis_client, "ada", hash_password("ada", PASSWORD))
    answers = [sign_in(app.test_client(), name, "wrong password") for name in ("ada", "bob", "-")]
    texts = {re.sub('value="[^"]{80,}"', "", answer.text) for answer in answers}
    assert {answer.status_code for answer in answers} == {401}
    assert len(texts) == 1 and "The name or the password is wrong." in texts.pop()


def test_should_limit_attempts_but_let_the_owner_sign_in_from_a_known_browser(
    app: Flask, client: FlaskClient
) -> None:
    # Given strangers have used up the attempts of the account
    strangers = []
    for index in range(5):
        stranger = app.test_client()
        stranger.environ_base["REMOTE_ADDR"] = f"192.0.2.{index}"
        strangers.append(sign_in(stranger, "ada", "wrong password").status_code)
    assert strangers == [401, 401, 401, 401, 429]  # with the owner's own attempt

    # When the owner signs in
    submit(client, ACCOUNT, SIGN_OUT)
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.1"
    refused = sign_in(elsewhere, "ada")

    # Then
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert f"Try again in {refused.headers['Retry-After']} s." in refused.text
    assert sign_in(client, "ada").status_code == 303


def test_should_limit_attempts_of_an_address(app: Flask, client: FlaskClient) -> None:
    statuses = [sign_in(app.test_client(), f"bob{index}").status_code for index in range(5)]
    assert statuses == [401, 401, 401, 401, 429]  # with the one of ada
    assert is_signed_in(client)


def test_should_say_that_too_many_people_sign_in(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "WAIT_SECONDS", 0.01)
    with ThreadPoolExecutor() as pool:
        finish = threading.Event()
        started = threading.Event()

        def wait() -> bool:
            started.set()
            return finish.wait(10)

        busy = pool.submit(computing.compute, wait)
        started.wait(10)
        new = {"new_password": OTHER_PASSWORD, "repeated_password": OTHER_PASSWORD}
        answer = submit(client, ACCOUNT, password=PASSWORD, **new)
        finish.set()
    assert busy.result()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "Too many people sign in now." in answer.text


def test_should_change_the_password_and_end_other_sessions(
    app: Flask, client: FlaskClient, redis_client: redis.Redis
) -> None:
    # Given
    other = app.test_client()
    sign_in(other, "ada")
    new = {"new_password": OTHER_PASSWORD, "repeated_password": OTHER_PASSWORD}

    # When
    answer = submit(client, ACCOUNT, password=PASSWORD, **new)

    # Then
    assert answer.status_code == 303
    assert "The password is changed." in client.get(answer.location).text
    assert not is_signed_in(other)
    assert sign_in(other, "ada").status_code == 401
    assert sign_in(other, "ada", OTHER_PASSWORD).status_code == 303
    assert recent_changes(redis_client)[0].what == "changed the password of their account"


@pytest.mark.parametrize(
    ("passwords", "status", "message"),
    [
        (("wrong password", OTHER_PASSWORD, OTHER_PASSWORD), 401, "password is wrong"),
        ((PASSWORD, OTHER_PASSWORD, PASSWORD), 422, "The two passwords differ."),
        ((PASSWORD, "short", "short"), 422, "A password has at least 10 characters."),
    ],
)
def test_should_refuse_to_change_the_password(
    client: FlaskClient, passwords: tuple[str, str, str], status: int, message: str
) -> None:
    fields = ("password", "new_password", "repeated_password")
    refused = submit(client, ACCOUNT, **dict(zip(fields, passwords)))
    assert refused.status_code == status
    assert message in refused.text
    assert f'"{passwords[1]}"' not in refused.text
    assert is_signed_in(client)


def use_link(client: FlaskClient, token: str, name: str, password: str) -> TestResponse:
    """Fill in the form of a one-time link."""
    fields = {"token": token, "name": name, "new_password": password}
    return submit(
        client,
        f"{FIRST_LINK_PATH}?token={token}",
        FIRST_LINK_PATH,
        **fields,
        repeated_password=password,
    )


def test_should_make_the_first_account_by_a_link(app: Flask, redis_client: redis.Redis) -> None:
    # Given
    token = links.first_link_token(redis_client)
    assert token
    client = app.test_client()
    assert "There is no account yet." in client.get(SIGN_IN).text

    # When mistakes are made
    mistakes = [use_link(client, token, "no name", PASSWORD), use_link(client, token, "ada", "x")]

    # Then the link stays valid
    assert [mistake.status_code for mistake in mistakes] == [422, 422]
    assert use_link(client, token, "Ada", PASSWORD).status_code == 303
    assert is_signed_in(client)
    assert "There is no account yet." not in app.test_client().get(SIGN_IN).text
    assert recent_changes(redis_client)[0].what == "added the first account, ada"

    # And then it is not
    shown = app.test_client().get(f"{FIRST_LINK_PATH}?token={token}")
    assert shown.status_code == 404 and "older than an hour" in shown.text
    again = submit(app.test_client(), SIGN_IN, FIRST_LINK_PATH, token=token, name="eve")
    assert again.status_code == 404
    assert len(all_accounts(redis_client)) == 1


def test_should_set_a_forgotten_password_by_a_link(
    app: Flask, client: FlaskClient, redis_client: redis.Redis
) -> None:
    token = links.password_link_token(redis_client, "ada")
    other = app.test_client()
    assert use_link(other, token, "eve", OTHER_PASSWORD).status_code == 303
    assert "Account ada" in other.get(ACCOUNT).text
    assert not is_signed_in(client)
    assert [account.name for account in all_accounts(redis_client)] == ["ada"]
    assert recent_changes(redis_client)[0].what == "set the password by a link"
