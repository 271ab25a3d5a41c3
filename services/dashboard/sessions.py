"""Sessions in a signed cookie, which are over when their account says so.

The cookie says whose session it is. Before that is believed, one round trip to Redis returns the
secret that must have signed it, the account, and whether the session has ended. So nothing is kept
in a process, and whatever ends a session ends it at once in all of them.
"""

# pylint: disable=redefined-outer-name  # Flask names the arguments of CookieSessions

import hashlib
import json
import secrets
import time
from typing import Any

import redis
from flask import Flask, Request, Response, g, request, session
from flask.sessions import SecureCookieSession, SessionInterface, SessionMixin
from itsdangerous import BadData, BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from libs.accounts.accounts import Account
from libs.accounts.sessions import SESSION_SECONDS, Standing, end_session, standing

CSRF_BYTES = 32


class CookieSessions(SessionInterface):
    """Flask's sessions; empty, and not to be changed, until load_session was called."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """Return an empty session."""
        return SecureCookieSession()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the session if it was changed."""
        if session.modified:
            payload = base64_encode(json.dumps(dict(session)))
            response.set_cookie(
                _cookie_name(),
                _signer(g.secret).sign(payload).decode(),
                # A browser that has signed in is remembered, and any other until it is closed.
                max_age=SESSION_SECONDS if "known" in session else None,
                secure=request.is_secure,
                httponly=True,
                samesite="Lax",
            )


def load_session(client: redis.Redis) -> None:
    """Load the session of a request; set g.account to the name of its account, or None.

    Raises redis.RedisError.
    """
    cookie = request.cookies.get(_cookie_name(), "")
    claims = _claims(cookie)
    now = standing(client, _ascii(claims.get("account")), _ascii(claims.get("id")))
    g.secret = now.secret
    g.account = None
    try:
        _signer(now.secret).unsign(cookie)
    except BadSignature:
        return
    session.update(claims)
    session.modified = False
    if "account" in session:
        if _holds(now):
            g.account = session["account"]
        else:
            forget_account()


def begin_session(account: Account) -> None:
    """Replace the session by a new one of an account, so that nobody else can know its content."""
    session.clear()
    session.update(
        account=account.name,
        generation=account.generation,
        id=secrets.token_urlsafe(16),
        since=int(time.time()),
        known=account.name,
        csrf=new_csrf_secret(),
    )


def finish_session(client: redis.Redis) -> None:
    """End the session, also for whoever has a copy of the cookie. Raises redis.RedisError."""
    end_session(client, session["id"])
    forget_account()


def forget_account() -> None:
    """Leave nothing in the session but which account its browser has proved to belong to."""
    known = session["known"]
    session.clear()
    session["known"] = known


def new_csrf_secret() -> str:
    """Return what the forms of a session must prove to know: CSRF_BYTES, base64url."""
    return base64_encode(secrets.token_bytes(CSRF_BYTES)).decode()


def _holds(now: Standing) -> bool:
    return (
        now.account is not None
        and now.account.generation == session["generation"]
        and not now.ended
        and time.time() - session["since"] < SESSION_SECONDS
    )


def _claims(cookie: str) -> dict[str, Any]:
    """Return what a cookie says without knowing whether it is true."""
    try:
        claims = json.loads(base64_decode(cookie.partition(".")[0]))
    except (BadData, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _ascii(value: object) -> str:
    return value if isinstance(value, str) and value.isascii() else ""


def _cookie_name() -> str:
    # Browsers take a cookie named __Host- only from this host itself, and only over TLS.
    return "__Host-session" if request.is_secure else "session"


def _signer(secret: bytes) -> Signer:
    return Signer(secret, b"session", key_derivation="hmac", digest_method=hashlib.sha256)
