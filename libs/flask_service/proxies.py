"""Believe X-Forwarded-For and X-Forwarded-Proto of trusted proxies only.

Werkzeug's ProxyFix believes every client, and Gunicorn's own setting ignores X-Forwarded-For.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from wsgiref.types import WSGIEnvironment

from libs.flask_service.settings import Network

_PREFIX = "HTTP_X_FORWARDED_"


def apply_forwarded_headers(environ: WSGIEnvironment, proxies: Sequence[Network]) -> None:
    """Set REMOTE_ADDR and wsgi.url_scheme as a trusted proxy reports them.

    All X-Forwarded headers are removed, so the application cannot believe one by mistake.
    """
    names = [name for name in environ if name.startswith(_PREFIX)]
    forwarded = {name: environ.pop(name) for name in names}
    peer = environ["REMOTE_ADDR"]
    if forwarded and _is_one_of(proxies, _address(peer)):
        environ["REMOTE_ADDR"] = _client(peer, forwarded.get(f"{_PREFIX}FOR", ""), proxies)
        scheme = forwarded.get(f"{_PREFIX}PROTO", "").rpartition(",")[2].strip()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme


def _client(peer: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """Return the last address that is no proxy's: a client can forge those before it."""
    client = peer
    for hop in reversed(forwarded_for.split(",")):
        if (address := _address(hop.strip())) is None:
            break
        client = str(address)
        if not _is_one_of(proxies, address):
            break
    return client


def _is_one_of(proxies: Sequence[Network], address: IPv4Address | IPv6Address | None) -> bool:
    return address is not None and any(address in network for network in proxies)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, or None if text is none, such as the path of a Unix socket."""
    try:
        return ip_address(text.partition("%")[0])  # without an IPv6 zone, which can be any text
    except ValueError:
        return None
