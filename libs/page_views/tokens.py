"""Tokens let programs read a site's numbers or send views to it, and people see its dashboard."""

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import redis

from libs.page_views.registry import Site, UnknownSite
from libs.page_views.site_lookup import SiteLookup
from libs.redis_access.replies import text

Right = Literal["read", "send", "share"]
"""What a token permits: to read the numbers by the API, to send views with their time and visitor,
or to look at the site's dashboard with a link that has the token."""

SHARED = "/dashboard/share"
"""Where the dashboards of shared sites are, at the dashboard's address."""

_BYTES = 32
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


def share_path(site_name: str, token: str = "") -> str:  # nosec B107  # "" is none
    """Return the path of a site's dashboard for who has this token, or if it is public, for all.

    It belongs after the dashboard's scheme, host and port.
    """
    return f"{SHARED}/{site_name}/{token and f'{token}/'}"


def add_token(client: redis.Redis, site: Site, right: Right, label: str = "") -> str:
    """Make a token and return it. Redis keeps only its hash. Raises redis.RedisError."""
    token = f"pt_{secrets.token_urlsafe(_BYTES)}"
    settings = {"label": label, "right": right, "created": int(time.time())}
    client.hset(_key(site.key), _hash(token), json.dumps(settings))
    return token


def all_tokens(client: redis.Redis, site: Site) -> list[Token]:
    """Return the tokens of a site, the oldest first. Raises redis.RedisError."""
    return _listed(client.hgetall(_key(site.key)))


def site_with_tokens(sites: SiteLookup, name: str) -> tuple[Site, list[Token]]:
    """Return a site, and its tokens as all_tokens() does, in one round trip if its key is known.

    Raises UnknownSite or redis.RedisError.
    """
    site, (stored,) = sites.find(name, lambda pipeline, key: pipeline.hgetall(_key(key)))
    return site, _listed(stored)


def shared_site(sites: SiteLookup, name: str, token: str = "") -> Site:  # nosec B107  # as there
    """Return a site if it is public, or with a token, if that permits to look at its dashboard.

    One round trip if its key is known. Raises UnknownSite, also if it is not shared so, or
    redis.RedisError.
    """
    site, (stored,) = sites.find(name, lambda pipeline, key: pipeline.hget(_key(key), _hash(token)))
    if not (_gives_right(stored, "share") if token else site.public):
        raise UnknownSite(f"{name} is not shared so")
    return site


def revoke_token(client: redis.Redis, site: Site, token_id: str) -> bool:
    """Revoke the token with this id; return whether there was one. Raises redis.RedisError."""
    names = [
        name for name in map(text, client.hkeys(_key(site.key))) if name[:_ID_DIGITS] == token_id
    ]
    return bool(names and client.hdel(_key(site.key), *names))


def is_permitted(client: redis.Redis, site: Site, token: str, right: Right) -> bool:
    """Return whether the token gives this right. Raises redis.RedisError."""
    return _gives_right(client.hget(_key(site.key), _hash(token)), right)


def _listed(tokens: Mapping[bytes | str, bytes | str]) -> list[Token]:
    listed = [
        Token(text(name)[:_ID_DIGITS], **json.loads(settings)) for name, settings in tokens.items()
    ]
    return sorted(listed, key=lambda token: (token.created, token.id))


def _gives_right(stored: bytes | str | None, right: Right) -> bool:
    return stored is not None and json.loads(stored)["right"] == right


def _key(site_key: str) -> str:
    return f"{site_key}:tokens"


def _hash(token: str) -> str:
    # A token has 256 random bits, so a plain hash is enough: nobody can guess what it hashes.
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
