"""Say to Pants where the shared build cache is: docs/build-cache.md."""

from pathlib import Path

_TOKEN = Path(".cache/build-cache.token")


def variables(address: str, token: str, *, write: bool) -> dict[str, str]:
    """Return the variables that make Pants use the cache, none without an address or a token.

    GitHub gives no token to pull requests from forks; they are checked without the cache. Writes
    the token to a file, because Pants takes it from there.
    """
    if not address or not token:
        return {}
    _TOKEN.parent.mkdir(exist_ok=True)
    _TOKEN.touch(mode=0o600)
    _TOKEN.write_text(token, encoding="utf-8")
    return {
        "PANTS_CONFIG_FILES": "['pants.ci.toml', 'pants.remote.toml']",
        "PANTS_REMOTE_CACHE_WRITE": str(write).lower(),
        "PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH": str(_TOKEN.absolute()),
        "PANTS_REMOTE_STORE_ADDRESS": address,
    }
