"""Accept forms from our own pages only, against cross-site request forgery."""

import secrets
from hmac import compare_digest

from flask import request, session
from itsdangerous import BadData
from itsdangerous.encoding import base64_decode, base64_encode
from werkzeug.exceptions import Forbidden

from services.dashboard.sessions import CSRF_BYTES, new_csrf_secret


def csrf_token() -> str:
    """Return what each form must send as csrf_token.

    It is another each time, although the session has only one secret: pages are compressed, and the
    length of what is repeated in them would give it away (https://breachattack.com).
    """
    if "csrf" not in session:
        session["csrf"] = new_csrf_secret()
    mask = secrets.token_bytes(CSRF_BYTES)
    return base64_encode(mask + _masked(mask)).decode()


def check_form() -> None:
    """Raise Forbidden unless the request sends a form of this session, from one of our pages.

    A browser that does not say in Sec-Fetch-Site who sends it, as on HTTP, says so in Origin.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in (None, "same-origin", "none"):
        raise Forbidden("This form was sent by a page of another site.")
    if site is None and origin is not None and origin.partition("://")[2] != request.host:
        raise Forbidden("This form was sent by a page of another address.")
    if "csrf" not in session or not _is_token(request.form.get("csrf_token", "")):
        raise Forbidden(
            "This form is of another session, or cookies are off. Go back, load its page again, "
            "and send it again."
        )


def _is_token(token: str) -> bool:
    try:
        decoded = base64_decode(token)
    except BadData:
        return False
    mask, masked = decoded[:CSRF_BYTES], decoded[CSRF_BYTES:]
    return len(mask) == CSRF_BYTES and compare_digest(masked, _masked(mask))


def _masked(mask: bytes) -> bytes:
    """Return the secret of the session, each bit of it changed where mask has one."""
    return bytes(a ^ b for a, b in zip(mask, base64_decode(session["csrf"])))
