"""Tests of who may see the dashboard: sessions, forms, links and limits, on a real Redis."""

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie

import pytest
import redis
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from redis.connection import AbstractConnection
from werkzeug.test import TestResponse

from libs.accounts import links, sessions
from libs.accounts.accounts import add_account, all_accounts, remove_account, sign_out_everywhere
from libs.accounts.audit import recent_changes, record_change
from libs.accounts.passwords import hash_password
from libs.flask_service.settings import PROXIES_VARIABLE
from libs.redis_access.connection import connect
from services.dashboard.app import create_app
from services.dashboard.guard import ROOT, open_to_all
from services.dashboard.testing import (
    PASSWORD,
    SIGN_IN,
    csrf_token,
    sign_in,
    signed_in_client,
    submit,
)

ACCOUNT = f"{ROOT}/account"
SIGN_OUT = f"{ROOT}/sign-out"
EVERYWHERE = f"{ROOT}/sign-out-everywhere"
FIRST = links.FIRST_LINK_PATH
OTHER_PASSWORD = "another good password"


@pytest.fixture(name="app")
def _app(redis_client: redis.Redis) -> Flask:
    return create_app(redis_client)


@pytest.fixture(name="client")
def _client(app: Flask, redis_client: redis.Redis) -> FlaskClient:
    """Return a client that has signed in as ada."""
    return signed_in_client(app, redis_client)


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


def test_should_sign_in_and_out(client: FlaskClient) -> None:
    assert "Account ada" in client.get(ACCOUNT).text
    assert client.get(SIGN_IN).location == f"{ROOT}/"
    assert submit(client, ACCOUNT, SIGN_OUT).location == SIGN_IN
    assert not is_signed_in(client)
    assert client.post(SIGN_OUT).status_code == 401


def test_should_refuse_every_address_without_an_account_by_default(app: Flask) -> None:
    # Given
    opened = {f"{ROOT}/static/<path:filename>", SIGN_IN, FIRST}
    outside = {"/", "/livez", "/readyz", "/static/<path:filename>"}
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule not in outside | opened]
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
    shared = open_to_all(Blueprint("shared", __name__, url_prefix=f"{ROOT}/shared"))
    shared.register_blueprint(pages)
    app.register_blueprint(shared)
    app.register_blueprint(pages, url_prefix=f"{ROOT}/closed")

    # Then
    client = app.test_client()
    for address, text in ((f"{ROOT}/open", "open"), (f"{ROOT}/shared/page", "page")):
        answer = client.get(address)
        assert (answer.text, answer.headers.get("Set-Cookie")) == (text, None)
    assert client.get(f"{ROOT}/closed/page").status_code == 303
    assert client.get(f"{ROOT}/shared/nonsense").status_code == 303


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


def test_should_begin_another_session_at_sign_in(app: Flask, redis_client: redis.Redis) -> None:
    # Given a session that somebody else knows
    add_account(redis_client, "ada", hash_password("ada", PASSWORD))
    client = app.test_client()
    token = csrf_token(client.get(SIGN_IN))
    fixed = cookie_of(client)

    # When
    sign_in(client, "ada")

    # Then
    assert is_signed_in(client)
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


@pytest.mark.parametrize("page", [SIGN_IN, ACCOUNT, FIRST, SIGN_OUT, EVERYWHERE])
def test_should_refuse_a_form_that_is_not_of_this_session(
    app: Flask, client: FlaskClient, page: str
) -> None:
    # Given
    foreign = csrf_token(app.test_client().get(SIGN_IN))
    own = csrf_token(client.get(ACCOUNT))

    # Then
    for token in (None, "", "é", own[:-2], own + "AAAA", "A" * 86, foreign):
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
    ("present", "new", "repeated", "status", "message"),
    [
        ("wrong password", OTHER_PASSWORD, OTHER_PASSWORD, 401, "password is wrong"),
        (PASSWORD, OTHER_PASSWORD, PASSWORD, 422, "The two passwords differ."),
        (PASSWORD, "short", "short", 422, "A password has at least 10 characters."),
    ],
)
def test_should_refuse_to_change_the_password(
    client: FlaskClient, present: str, new: str, repeated: str, status: int, message: str
) -> None:
    fields = {"password": present, "new_password": new, "repeated_password": repeated}
    refused = submit(client, ACCOUNT, **fields)
    assert refused.status_code == status
    assert message in refused.text
    assert new not in refused.text
    assert is_signed_in(client)


def use_link(client: FlaskClient, token: str, name: str, password: str) -> TestResponse:
    """Fill in the form of a one-time link."""
    fields = {"token": token, "name": name, "new_password": password}
    return submit(client, f"{FIRST}?token={token}", FIRST, **fields, repeated_password=password)


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
    shown = app.test_client().get(f"{FIRST}?token={token}")
    assert shown.status_code == 404 and "older than an hour" in shown.text
    again = submit(app.test_client(), SIGN_IN, FIRST, token=token, name="eve")
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


@pytest.fixture(name="away", params=["closed", "silent"])
def _away(client: FlaskClient, request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    """Yield a client of a dashboard whose Redis has gone, or does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if request.param == "closed":
            server.close()
        with contextlib.closing(connect(f"redis://127.0.0.1:{port}")) as gone:
            away = create_app(gone).test_client()
            away.set_cookie("session", cookie_of(client))
            yield away


def test_should_say_that_redis_is_away(away: FlaskClient) -> None:
    began = time.monotonic()
    answer = away.get(f"{ROOT}/sites/example.org/?range=7d")
    assert time.monotonic() - began < 1
    assert answer.status_code == 503
    assert answer.headers["Refresh"] == answer.headers["Retry-After"] == "5"
    assert "The numbers are not lost." in answer.text
    assert "This page tries again" in answer.text
    assert "Content-Security-Policy" in answer.headers
    assert "Refresh" not in away.post(SIGN_OUT).headers
    assert away.get("/livez").status_code == 200
    with away.get(f"{ROOT}/static/dashboard.css") as style:
        assert style.status_code == 200


def test_should_show_errors_as_pages(client: FlaskClient) -> None:
    missing = client.get(f"{ROOT}/nonsense")
    assert missing.status_code == 404
    assert "<h1>Not Found</h1>" in missing.text and "Account ada" in missing.text
    wrong = client.put(ACCOUNT, data={"csrf_token": csrf_token(client.get(ACCOUNT))})
    assert (wrong.status_code, wrong.mimetype) == (405, "text/html")
    assert "GET" in wrong.headers["Allow"]
