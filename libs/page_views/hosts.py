"""Give each host one name, in the ASCII that the domain name system knows."""

import re
from functools import lru_cache

import idna

MAX_CHARACTERS = 253

# As browsers do, permit underscores, which RFC 1123 does not.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,{MAX_CHARACTERS}}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)


def ascii_host(text: str) -> str:
    """Return the name of a host in lower case, with IDNA as punycode, or "" if text is none.

    Maps characters as browsers do (UTS 46). A dot at the end goes. Takes an IPv4 address for a
    name, and no IPv6 address. Does not check what an "xn--" label stands for.
    """
    return _ascii_host(text) if len(text) <= MAX_CHARACTERS + 1 else ""


@lru_cache(4096)
def _ascii_host(text: str) -> str:
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode()
        except UnicodeError:  # of which idna's errors are
            return ""
    host = text.lower().removesuffix(".")
    return host if _HOST.fullmatch(host) else ""
