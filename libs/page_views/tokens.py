"""Tokens let programs read a site's numbers, or send views of other visitors to it."""

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Literal

import redis

from libs.page_views.registry import Site
from libs.redis_access.replies import text

Right = Literal["read", "send"]
"""What a token permits: to read the numbers, or to send views with their time and visitor."""

_ID_DIGITS = 12


@dataclass(frozen=True)
class Token:
    """A token as it is listed; the token itself is shown only when it is made."""

    id: str
    """What to revoke it by."""
    label: str
    right: Right
    created: int
    """Seconds since 1970."""


def add_token(client: redis.Redis, site: Site, right: Right, label: str = "") -> str:
    """Make a token and return it. Redis keeps only its hash. Raises redis.RedisError."""
    token = f"pt_{secrets.token_urlsafe(32)}"
    settings = {"label": label, "right": right, "created": int(time.time())}
    client.hset(_key(site), _hash(token), json.dumps(settings))
    return token


def all_tokens(client: redis.Redis, site: Site) -> list[Token]:
    """Return the tokens of a site, the oldest first. Raises redis.RedisError."""
    tokens = [
        Token(text(name)[:_ID_DIGITS], **json.loads(settings))
        for name, settings in client.hgetall(_key(site)).items()
    ]
    return sorted(tokens, key=lambda token: (token.created, token.id))


def revoke_token(client: redis.Redis, site: Site, token_id: str) -> bool:
    """Revoke the token with this id; return whether there was one. Raises redis.RedisError."""
    names = [name for name in map(text, client.hkeys(_key(site))) if name[:_ID_DIGITS] == token_id]
    return bool(names and client.hdel(_key(site), *names))


def is_permitted(client: redis.Redis, site: Site, token: str, right: Right) -> bool:
    """Return whether the token gives this right. Raises redis.RedisError."""
    settings = client.hget(_key(site), _hash(token))
    return settings is not None and json.loads(settings)["right"] == right


def _key(site: Site) -> str:
    return f"{site.key}:tokens"


def _hash(token: str) -> str:
    # A token has 256 random bits, so a plain hash is enough: nobody can guess what it hashes.
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
