"""Check a name and password, and limit how often that is tried."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import redis

from libs.accounts.accounts import (
    ACCOUNTS_KEY,
    Account,
    InvalidName,
    UnknownAccount,
    account_name,
    find_account,
    renew_hash,
)
from libs.accounts.passwords import hash_password, is_outdated, is_password
from libs.page_views.visitors import Client, packed_address

MOST_ATTEMPTS = 5
"""How many attempts each network, and each account, has in WINDOW_SECONDS from the first."""

WINDOW_SECONDS = 60


class TooManyAttempts(Exception):
    """Nothing was checked, because the attempts of this minute are used up."""

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(f"too many attempts; try again in {retry_seconds} s")
        self.retry_seconds = retry_seconds


@dataclass(frozen=True)
class Attempt:
    """Somebody's attempt to sign in."""

    address: str
    name: str
    password: str
    known: bool
    """Whether the browser has proved before that it belongs to this account."""


def sign_in(
    client: redis.Redis, secret: bytes, attempt: Attempt, run: Callable[..., bool | str]
) -> Account | None:
    """Return the account if the password is its own, and otherwise None, after the same work.

    secret is that of libs.accounts.sessions. run(function, *arguments) calls what takes long, such
    as in a thread. Attempts count before anything is hashed, those of known browsers apart: while
    strangers use up those of an account, its owner can sign in from a browser that did so before.
    Raises TooManyAttempts, redis.RedisError, and what run raises.
    """
    try:
        name = account_name(attempt.name)
    except InvalidName:
        name = ""  # no account has it
    # One after the other: a network without attempts left must not use up those of accounts.
    _count(client, secret, b"network", Client(packed_address(attempt.address), "").network)
    _count(client, secret, b"known" if attempt.known else b"account", name.encode())
    account = _account_or_none(client, name)
    password_hash = account and account.password_hash
    if not run(is_password, password_hash, attempt.password) or account is None:
        return None
    if is_outdated(account.password_hash):
        renew_hash(client, account, str(run(hash_password, name, attempt.password)))
    return account


def _account_or_none(client: redis.Redis, name: str) -> Account | None:
    try:
        return find_account(client, name)
    except UnknownAccount:
        return None


def _count(client: redis.Redis, secret: bytes, kind: bytes, who: bytes) -> None:
    """Count an attempt. Redis has a keyed hash of who attempts it, and only for WINDOW_SECONDS."""
    digest = hashlib.blake2b(kind + b" " + who, key=secret, digest_size=16).hexdigest()
    key = f"{ACCOUNTS_KEY}:attempts:{digest}"
    pipeline = client.pipeline()
    pipeline.incr(key)
    pipeline.expire(key, WINDOW_SECONDS, nx=True)
    pipeline.ttl(key)
    attempts, _, seconds_left = pipeline.execute()
    if attempts > MOST_ATTEMPTS:
        raise TooManyAttempts(max(seconds_left, 1))
