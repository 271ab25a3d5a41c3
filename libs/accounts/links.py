"""One-time links: for the first account, and for the new password of an account."""

import hashlib
import secrets

import redis
from redis.client import Pipeline

from libs.accounts.accounts import (
    ACCOUNTS_KEY,
    Account,
    find_account,
    new_account,
    store,
    with_password,
)
from libs.redis_access.replies import text

FIRST_LINK_PATH = "/dashboard/first-account"
"""Where the dashboard takes links: the token follows as ?token=…"""

LINK_SECONDS = 3600
"""How long a link is valid, unless it is used before."""


class InvalidLink(LookupError):
    """The link was used already, or has expired, or never existed."""


def first_link_token(client: redis.Redis) -> str | None:
    """Return a new token for the first account, or None if there is an account.

    Tokens made before stay valid, so each replica may print its own. Redis keeps only hashes.
    Raises redis.RedisError.
    """
    return None if client.hlen(ACCOUNTS_KEY) else _new_token(client, "")


def password_link_token(client: redis.Redis, name: str) -> str:
    """Return a new token for another password of an account.

    Raises UnknownAccount or redis.RedisError.
    """
    return _new_token(client, find_account(client, name).name)


def name_of_link(client: redis.Redis, token: str) -> str:
    """Return whose password a valid token sets, "" for the first account. It stays valid.

    Raises InvalidLink or redis.RedisError.
    """
    return _name_of(client, _key(token))


def use_link(client: redis.Redis, token: str, name: str, password_hash: str) -> Account:
    """Add the first account, or set the password of the account that the token is for.

    name is that of the first account, and otherwise that of name_of_link. The token is invalid
    afterwards, and the sessions of the account are over. Of uses at the same time, one succeeds.
    Raises InvalidName, InvalidLink, UnknownAccount, or redis.RedisError.
    """
    key = _key(token)
    used: list[Account] = []

    def use(pipeline: Pipeline) -> None:
        owner = _name_of(pipeline, key)
        if owner:
            used[:] = [with_password(find_account(pipeline, owner), password_hash)]
        else:
            used[:] = [new_account(name, password_hash)]
        pipeline.multi()
        # In a cluster, these are two steps. If the second fails, the link cannot be used again.
        pipeline.delete(key)
        store(pipeline, used[0])

    client.transaction(use, ACCOUNTS_KEY, key)
    return used[0]


def _name_of(client: redis.Redis, key: str) -> str:
    stored = client.get(key)
    name = None if stored is None else text(stored)
    if name is None or (not name and client.hlen(ACCOUNTS_KEY)):
        raise InvalidLink("this link was used already, or is older than an hour")
    return name


def _new_token(client: redis.Redis, name: str) -> str:
    token = secrets.token_urlsafe(32)
    client.set(_key(token), name, ex=LINK_SECONDS)
    return token


def _key(token: str) -> str:
    # A token has 256 random bits, so a plain hash is enough: nobody can guess what it hashes.
    digest = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
    return f"{ACCOUNTS_KEY}:link:{digest}"
