"""The accounts of operators, who may see the dashboard and change settings."""

import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import redis
from redis.client import Pipeline

from libs.redis_access.replies import text

ACCOUNTS_KEY = "v2:accounts"
"""A hash: for each name, the other attributes of Account as JSON."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class InvalidName(ValueError):
    """An account cannot have this name; the message says why."""


class AccountExists(ValueError):
    """An account has this name already."""


class UnknownAccount(LookupError):
    """No account has this name."""


@dataclass(frozen=True)
class Account:
    """An operator's account."""

    name: str
    password_hash: str
    """As libs.accounts.passwords.hash_password returns it."""
    created: int
    """Seconds since 1970."""
    generation: str
    """Random, and new when all sessions end; a session of another generation is over."""


def account_name(name: str) -> str:
    """Return a name in its one form, which is lower case. Raises InvalidName."""
    folded = name.strip().lower()
    if not _NAME.fullmatch(folded):
        raise InvalidName(
            "the name of an account has at most 64 letters from a to z, digits and . _ @ + -, and "
            "begins with a letter or digit"
        )
    return folded


def add_account(client: redis.Redis, name: str, password_hash: str) -> Account:
    """Add an account. Raises InvalidName, AccountExists, or redis.RedisError."""
    account = new_account(name, password_hash)

    def add(pipeline: Pipeline) -> None:
        if pipeline.hexists(ACCOUNTS_KEY, account.name):
            raise AccountExists(f"{account.name} has an account already")
        pipeline.multi()
        store(pipeline, account)

    client.transaction(add, ACCOUNTS_KEY)
    return account


def find_account(client: redis.Redis, name: str) -> Account:
    """Return an account. Raises UnknownAccount, or redis.RedisError."""
    return parsed(name, client.hget(ACCOUNTS_KEY, name))


def all_accounts(client: redis.Redis) -> list[Account]:
    """Return all accounts by name. Raises redis.RedisError."""
    stored = client.hgetall(ACCOUNTS_KEY)
    return [parsed(name, stored[key]) for name, key in sorted((text(key), key) for key in stored)]


def remove_account(client: redis.Redis, name: str) -> None:
    """Remove an account, which ends its sessions. Raises UnknownAccount, or redis.RedisError."""
    if not client.hdel(ACCOUNTS_KEY, name):
        raise UnknownAccount(f"{name} has no account")


def change_password(client: redis.Redis, name: str, password_hash: str) -> Account:
    """Set the password of an account and end its sessions.

    Raises UnknownAccount or redis.RedisError.
    """
    return _change(client, name, lambda account: with_password(account, password_hash))


def sign_out_everywhere(client: redis.Redis, name: str) -> Account:
    """End all sessions of an account. Raises UnknownAccount, or redis.RedisError."""
    return _change(client, name, lambda account: replace(account, generation=_new_generation()))


def renew_hash(client: redis.Redis, account: Account, password_hash: str) -> None:
    """Store another hash of the same password, unless the password was changed meanwhile.

    Raises UnknownAccount or redis.RedisError.
    """

    def renew(stored: Account) -> Account:
        is_same = stored.password_hash == account.password_hash
        return replace(stored, password_hash=password_hash) if is_same else stored

    _change(client, account.name, renew)


def new_account(name: str, password_hash: str) -> Account:
    """Return a new account; nothing is stored. Raises InvalidName."""
    return Account(account_name(name), password_hash, int(time.time()), _new_generation())


def with_password(account: Account, password_hash: str) -> Account:
    """Return the account with another password and no sessions; nothing is stored."""
    return replace(account, password_hash=password_hash, generation=_new_generation())


def store(pipeline: Pipeline, account: Account) -> None:
    """Add the command to a pipeline that stores an account."""
    values = asdict(account)
    pipeline.hset(ACCOUNTS_KEY, values.pop("name"), json.dumps(values))


def parsed(name: str, stored: bytes | str | None) -> Account:
    """Return the account of what ACCOUNTS_KEY has for its name. Raises UnknownAccount if None."""
    if stored is None:
        raise UnknownAccount(f"{name} has no account")
    return Account(name, **json.loads(stored))


def _change(client: redis.Redis, name: str, change: Callable[[Account], Account]) -> Account:
    changed: list[Account] = []

    def run(pipeline: Pipeline) -> None:
        changed[:] = [change(find_account(pipeline, name))]
        pipeline.multi()
        store(pipeline, changed[0])

    client.transaction(run, ACCOUNTS_KEY)
    return changed[0]


def _new_generation() -> str:
    return secrets.token_hex(8)
