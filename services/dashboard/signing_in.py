"""Sign operators in and out, and let them choose their passwords."""

import redis
from flask import Blueprint, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from libs.accounts import accounts, links
from libs.accounts.accounts import Account, InvalidName, UnknownAccount
from libs.accounts.audit import record_change
from libs.accounts.links import InvalidLink
from libs.accounts.passwords import WeakPassword, hash_password
from libs.accounts.sign_in import Attempt, TooManyAttempts
from libs.accounts.sign_in import sign_in as check_attempt
from libs.flask_service.computing import Busy, compute
from services.dashboard.guard import ROOT, without_account
from services.dashboard.sessions import begin_session, finish_session, forget_account

WRONG = "The name or the password is wrong."


class Refused(Exception):
    """A form cannot be accepted: why, with which status, and after how many seconds it may be."""

    def __init__(self, message: str, status: int = 422, retry_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_seconds = retry_seconds


def signing_in(client: redis.Redis) -> Blueprint:
    """Return the pages to sign in and out, and of the account."""
    blueprint = Blueprint("signing_in", __name__)

    def account_of(name: str, password: str) -> Account:
        """Return the account if the password is its own. Raises Refused."""
        known = session.get("known") == name.strip().lower()
        attempt = Attempt(request.remote_addr or "", name, password, known)
        try:
            account = check_attempt(client, g.secret, attempt, compute)
        except TooManyAttempts as limit:
            seconds = limit.retry_seconds
            message = f"There were too many attempts. Try again in {seconds} s."
            raise Refused(message, 429, seconds) from limit
        except Busy as error:
            raise Refused("Too many people sign in now. Try again.", 503, 1) from error
        if account is None:
            raise Refused(WRONG, 401)
        return account

    @blueprint.get("/sign-in")
    @without_account
    def sign_in() -> ResponseReturnValue:
        """Show the form, with a hint how to make the first account."""
        target = _below_root(request.args.get("next", ""))
        if g.account:
            return redirect(target, 303)
        is_new = not client.exists(accounts.ACCOUNTS_KEY)
        return render_template("sign_in.html", next=target, is_new=is_new)

    @blueprint.post("/sign-in")
    @without_account
    def begin() -> ResponseReturnValue:
        """Begin a session and go on to where the visitor wanted to go."""
        target = _below_root(request.form.get("next", ""))
        try:
            begin_session(account_of(_field("name"), _field("password")))
        except Refused as refused:
            return _again("sign_in.html", refused, next=target)
        return redirect(target, 303)

    @blueprint.post("/sign-out")
    def sign_out() -> ResponseReturnValue:
        """End the session."""
        finish_session(client)
        return redirect(url_for(".sign_in"), 303)

    @blueprint.get("/first-account")
    @without_account
    def first_account() -> ResponseReturnValue:
        """Show the form of a one-time link."""
        token = request.args.get("token", "")
        try:
            name = links.name_of_link(client, token)
        except InvalidLink as error:
            return _again("first_account.html", Refused(_sentence(error), 404))
        return render_template("first_account.html", token=token, name=name)

    @blueprint.post("/first-account")
    @without_account
    def use_link() -> ResponseReturnValue:
        """Add the first account, or set a password; then begin a session."""
        token, name = _field("token"), ""
        try:
            name = links.name_of_link(client, token)
            chosen = name or accounts.account_name(_field("name"))
            account = links.use_link(client, token, chosen, _new_hash(chosen))
        except (InvalidLink, UnknownAccount) as error:
            return _again("first_account.html", Refused(_sentence(error), 404))
        except InvalidName as error:
            refused = Refused(_sentence(error))
            return _again("first_account.html", refused, token=token, name=name)
        except Refused as refused:
            return _again("first_account.html", refused, token=token, name=name)
        what = "set the password by a link" if name else f"added the first account, {account.name}"
        record_change(client, account.name, "", what)
        begin_session(account)
        return redirect(_below_root(""), 303)

    @blueprint.get("/account")
    def account() -> ResponseReturnValue:
        """Show the forms of the account."""
        return render_template("account.html", is_changed="changed" in request.args)

    @blueprint.post("/account")
    def change_password() -> ResponseReturnValue:
        """Set another password, which ends all other sessions."""
        try:
            account_of(g.account, _field("password"))
            changed = accounts.change_password(client, g.account, _new_hash(g.account))
        except Refused as refused:
            return _again("account.html", refused)
        record_change(client, g.account, "", "changed the password of their account")
        begin_session(changed)
        return redirect(url_for(".account", changed=""), 303)

    @blueprint.post("/sign-out-everywhere")
    def sign_out_everywhere() -> ResponseReturnValue:
        """End all sessions of the account, this one too."""
        accounts.sign_out_everywhere(client, g.account)
        record_change(client, g.account, "", "signed out everywhere")
        forget_account()
        return redirect(url_for(".sign_in"), 303)

    return blueprint


def _field(name: str) -> str:
    return request.form.get(name, "")


def _new_hash(name: str) -> str:
    """Return the hash of the password that was typed twice. Raises Refused."""
    password = _field("new_password")
    if password != _field("repeated_password"):
        raise Refused("The two passwords differ.")
    try:
        return compute(hash_password, name, password)
    except WeakPassword as error:
        raise Refused(_sentence(error)) from error
    except Busy as error:
        raise Refused("The server is busy. Try again.", 503, 1) from error


def _again(template: str, refused: Refused, **values: object) -> ResponseReturnValue:
    """Show a form again, and why it was refused."""
    page = render_template(template, message=str(refused), **values)
    response = make_response(page, refused.status)
    if refused.retry_seconds is not None:
        response.headers["Retry-After"] = str(refused.retry_seconds)
    return response


def _sentence(error: Exception) -> str:
    message = str(error)
    return f"{message[:1].upper()}{message[1:]}."


def _below_root(target: str) -> str:
    """Return an address below ROOT, so that nobody is led elsewhere, and otherwise all sites."""
    is_below = target.startswith(f"{ROOT}/") and target.isprintable()  # without new lines
    return target if is_below else url_for("dashboard.sites.page")
