"""The rules by which a site ignores views: of some paths, and from some addresses."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

from libs.page_views.paths import normalise_path
from libs.page_views.visitors import packed_address

IGNORED_ADDRESS = "ignored_address"
IGNORED_PATH = "ignored_path"

_REST = "rest"  # stands for what follows the beginning of a path, so that "/" and "." are kept


class IgnoreRules:
    """The rules of one site."""

    def __init__(self, paths: Iterable[str], networks: Iterable[str]) -> None:
        """Take paths as path_pattern() returns them, and networks as network() does."""
        beginnings = [path[:-1] for path in paths if path.endswith("*")]
        # Of /a/ the path is /a, so /a/* is for that too, whatever its query.
        above = [beginning[:-1] for beginning in beginnings if beginning.endswith("/")]
        self._paths = frozenset([*paths, *above])
        self._beginnings = tuple([*beginnings, *(f"{path}?" for path in above)])
        self._networks = [ip_network(network) for network in networks]

    def why_ignored(self, address: bytes, path: str) -> str:
        """Return IGNORED_ADDRESS, IGNORED_PATH, or "" if the view is not ignored.

        address is as libs.page_views.visitors.packed_address returns it, path as
        libs.page_views.paths.normalise_path does.
        """
        if self._networks and address:
            ip = ip_address(address)
            if any(ip in network for network in self._networks):
                return IGNORED_ADDRESS
        if path in self._paths or path.startswith(self._beginnings):
            return IGNORED_PATH
        return ""


def path_pattern(text: str) -> str:
    """Return the pattern in its one form: a path, or the beginning of paths and then "*".

    Raises ValueError, also as libs.page_views.paths.InvalidPath.
    """
    if not text.startswith("/"):
        raise ValueError(f"{text[:50]!r} is no path: write it from its /, such as /admin/*")
    if not text.endswith("*"):
        beginning, path = "", normalise_path(text)
    else:
        path = normalise_path(f"{text[:-1]}{_REST}")
        beginning = path.removesuffix(_REST)
        if beginning == path or "?" in path:
            path = "*"
    if "*" in path:
        raise ValueError(f"{text[:50]!r} has a * that is not at the end of a path")
    return f"{beginning}*" if beginning else path


def network(text: str) -> str:
    """Return an address or a network in its one form, IPv4 also if it is mapped into IPv6.

    Raises ValueError.
    """
    interface = _interface(text)
    if interface is None:
        raise ValueError(f"{text[:50]!r} is no address or network, such as 192.0.2.7 or fd00::/8")
    found: IPv4Network | IPv6Network = interface.network
    if interface.ip != found.network_address:
        raise ValueError(f"{text[:50]!r} is no network: its first address is another, {found}")
    packed = packed_address(str(interface.ip))
    bits = found.prefixlen - found.max_prefixlen + 8 * len(packed)
    if len(packed) == 4 and bits >= 0:
        found = IPv4Network((packed, bits))
    return str(found if found.num_addresses > 1 else found.network_address)


def _interface(text: str) -> IPv4Interface | IPv6Interface | None:
    try:
        return None if "%" in text else ip_interface(text)
    except ValueError:
        return None
