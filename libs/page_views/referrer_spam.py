"""Know referrer spammers: hosts that send false visits so that people look at who sent them.

The list is Matomo's, with its version and checksum in the first lines of referrer_spammers.txt.
build_support/locks/update_referrer_spammers.sh updates it.
"""

from importlib.resources import files

_NO_SPAMMERS = {"kharkov.ua"}  # in the list, but a region under which anybody may have a domain

_LIST = files("libs.page_views").joinpath("referrer_spammers.txt").read_text(encoding="utf-8")
_HOSTS = {line.strip().lower() for line in _LIST.splitlines() if not line.startswith("#")}
_SPAMMERS = _HOSTS - _NO_SPAMMERS


def is_referrer_spam(host: str) -> bool:
    """Return whether the host of a referrer, or a domain that it belongs to, is a spammer's.

    The host has no port; a name in another alphabet is in Punycode, as browsers send it.
    """
    domain = host.lower().rstrip(".")
    if len(domain) > 253:  # no name is longer (RFC 1035), and each of its dots costs a copy
        return False
    while domain:
        if domain in _SPAMMERS:
            return True
        domain = domain.partition(".")[2]
    return False
