"""Give each site one name, that of its host."""

import re

from libs.page_views.hosts import MAX_CHARACTERS, ascii_host

# The host in what people copy from the address bar.
_PASTED = re.compile(
    r"(?:(?:[a-z]+:)?/+)?(?:[^\s/?#]*@)?([^\s/?#:@]+)(?::[0-9]+)?(?:[/?#].*)?",
    re.IGNORECASE | re.DOTALL,
)

_SHOWN_CHARACTERS = 60


class InvalidSite(ValueError):
    """Text that names no site; the message says what to write instead."""


def site_name(text: str) -> str:
    """Return the name of a site: its host in lower case, with IDNA as punycode.

    It consists of "a-z0-9_-.", at most 253 characters, and may be a single label such as localhost.
    Raises InvalidSite if text has anything besides the host, such as a scheme, port or path.
    """
    host = ascii_host(text)
    if host:
        return host
    shown = repr(text[:_SHOWN_CHARACTERS])
    pasted = _PASTED.fullmatch(text.strip())
    meant = ascii_host(pasted[1]) if pasted else ""
    if meant:
        raise InvalidSite(
            f"a site is a host name without scheme, port or path: write {meant}, not {shown}"
        )
    raise InvalidSite(
        "a site is a host name of letters, digits and hyphens between dots, at most"
        f" {MAX_CHARACTERS} characters: write one such as example.org, not {shown}"
    )
