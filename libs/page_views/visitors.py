"""Tell visitors of one day apart without storing who they are.

A visitor is a hash of their network and user agent, keyed with a random salt. Each site has a new
salt every day (of the site's time zone), and Redis forgets it after SALT_SECONDS. Then nobody, the
operator included, can compute a visitor's hash again.
"""

import hashlib
import secrets
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import cast

import redis

SALT_SECONDS = 48 * 3600
"""How long a salt is kept: its own day, and the next, to recognize visitors after midnight."""

KNOWN_SECONDS = 3600
"""How long a process keeps a salt before it asks Redis again; so much longer it may live there."""

_SALT_BYTES = 16
_HASH_BYTES = 8
_NAT64 = bytes.fromhex("0064ff9b0000000000000000")
_MAPPED = bytes(10) + b"\xff\xff"


@dataclass(frozen=True)
class Client:
    """Where a request comes from. Neither part is stored or logged."""

    address: bytes
    """As packed_address returns it."""
    user_agent: str

    @property
    def network(self) -> bytes:
        """What tells visitors apart: an IPv4 address, or a household's /64 of IPv6."""
        return self.address[:8]

    def hash(self, salt: bytes) -> str:
        """Return the visitor as a signed 64-bit integer: a set of these takes 8 bytes for each."""
        text = self.network + self.user_agent.encode(errors="surrogatepass")
        digest = hashlib.blake2b(text, key=salt, digest_size=_HASH_BYTES).digest()
        return str(int.from_bytes(digest, "big", signed=True))


def packed_address(address: str) -> bytes:
    """Return the 4 bytes of an IPv4 address, or the 16 of an IPv6 address.

    An IPv4 address that is mapped into IPv6 (::ffff:0:0/96, 64:ff9b::/96) counts as itself. What is
    no address, such as the path of a Unix socket, is b"".
    """
    try:
        return socket.inet_pton(socket.AF_INET, address)
    except (OSError, ValueError):
        pass
    try:
        packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return b""
    return packed[12:] if packed[:12] in (_MAPPED, _NAT64) else packed


class Salts:
    """The salts of a process, by the site's key and day, such as 2026-11-25."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._known: dict[str, bytes] = {}
        self._asked: deque[tuple[float, str]] = deque()
        """When each was asked for, by time.monotonic(), the earliest first."""

    def of(self, site_key: str, day: str) -> bytes:
        """Return the salt of a day; make it if it is the day's first. Raises redis.RedisError."""
        now = time.monotonic()
        while self._asked and now - self._asked[0][0] >= KNOWN_SECONDS:
            self._known.pop(self._asked.popleft()[1], None)
        name = f"{site_key}:salt:{day}"
        salt = self._known.get(name)
        if salt is None:
            new = secrets.token_bytes(_SALT_BYTES)
            kept = self._client.set(name, new, nx=True, get=True, ex=SALT_SECONDS)
            salt = self._known[name] = cast(bytes | None, kept) or new
            self._asked.append((now, name))
        return salt


class UnstoredSalts:
    """Salts that are in this process only, so nobody can compute its visitors' hashes later."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bytes] = {}

    def of(self, site_key: str, day: str) -> bytes:
        """Return the salt of a day; make it if it is wanted for the first time."""
        salt = self._known.get((site_key, day))
        if salt is None:
            salt = self._known[site_key, day] = secrets.token_bytes(_SALT_BYTES)
        return salt
