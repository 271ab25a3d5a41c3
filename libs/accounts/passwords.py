"""Hash passwords of accounts with argon2id, and check them."""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_CHARACTERS = 10
MOST_CHARACTERS = 1_000

# OWASP's choice for argon2id that needs little memory: 25 ms on a core of 2026. RFC 9106's profile
# for little memory (64 MiB, 3 passes) takes 170 ms, so a few sign-ins would occupy a small machine.
_HASHER = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)

_OF_NOBODY = f"$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}"
"""A hash that no known password has. To check it takes as long as any other."""


class WeakPassword(ValueError):
    """An account cannot have this password; the message says why."""


def hash_password(name: str, password: str) -> str:
    """Return the hash of a password for the account of this name.

    It takes some 25 ms and 19 MiB, without the GIL. Raises WeakPassword if the password is too
    short, too long, or the name.
    """
    password = _normalised(password)
    if len(password) < LEAST_CHARACTERS:
        raise WeakPassword(f"a password has at least {LEAST_CHARACTERS} characters")
    if len(password) > MOST_CHARACTERS:
        raise WeakPassword(f"a password has at most {MOST_CHARACTERS:,} characters")
    if password.casefold() == name.casefold():
        raise WeakPassword("a password is not the name of the account")
    return _HASHER.hash(_bytes(password))


def is_password(password_hash: str | None, password: str) -> bool:
    """Return whether the hash is that of the password, after the same time if it is None."""
    try:
        # What is too long is no password; a part of it takes the same time.
        text = _normalised(password[: MOST_CHARACTERS + 1])
        return _HASHER.verify(password_hash or _OF_NOBODY, _bytes(text))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Return whether the hash was made with other parameters than those of hash_password."""
    return _HASHER.check_needs_rehash(password_hash)


def _normalised(password: str) -> str:
    """Return one form for what looks the same, because keyboards differ in how they compose é."""
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
