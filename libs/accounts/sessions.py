"""What a session must be checked against: the secret that signs it, its account, and its end."""

import secrets
from dataclasses import dataclass
from typing import Any, cast

import redis

from libs.accounts.accounts import ACCOUNTS_KEY, Account, parsed
from libs.redis_access.retries import call_with_retries

SECRET_KEY = f"{ACCOUNTS_KEY}:secret"

SESSION_SECONDS = 30 * 86_400
"""How long a session lasts after its account signed in, whether it is used or not."""

_SECRET_BYTES = 32


@dataclass(frozen=True)
class Standing:
    """How things stand for a session."""

    secret: bytes
    """What signs sessions, the same in all processes."""
    account: Account | None
    """The account, unless there is none of this name."""
    ended: bool
    """Whether the session was ended by itself."""


def standing(client: redis.Redis, name: str, session_id: str) -> Standing:
    """Return how things stand for a session of an account, in one round trip.

    Neither argument need be true. Raises redis.RedisError.
    """

    def ask(_: float) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        pipeline.get(SECRET_KEY)
        pipeline.hget(ACCOUNTS_KEY, name)
        pipeline.exists(_ended(session_id))
        return pipeline.execute()

    secret, stored, ended = call_with_retries(client, ask)
    account = None if stored is None else parsed(name, stored)
    return Standing(secret or _first_secret(client), account, bool(ended))


def end_session(client: redis.Redis, session_id: str) -> None:
    """Let nobody use the session again who has kept its cookie. Raises redis.RedisError."""
    client.set(_ended(session_id), b"", ex=SESSION_SECONDS)


def rotate_secret(client: redis.Redis) -> None:
    """Replace the secret, which ends all sessions of all accounts. Raises redis.RedisError."""
    client.set(SECRET_KEY, secrets.token_bytes(_SECRET_BYTES))


def _first_secret(client: redis.Redis) -> bytes:
    new = secrets.token_bytes(_SECRET_BYTES)
    return cast(bytes | None, client.set(SECRET_KEY, new, nx=True, get=True)) or new


def _ended(session_id: str) -> str:
    return f"{ACCOUNTS_KEY}:ended:{session_id}"
