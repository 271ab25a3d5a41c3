"""The settings of a site, and which values they may have."""

import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from libs.page_views.hosts import ascii_host
from libs.page_views.ignoring import network, path_pattern

DEFAULTS: dict[str, str | int] = {
    "zone": "UTC",
    "public": 0,
    "client_limit": 1_000,
    "site_limit": 1_000_000,
    "demo": 0,
    "ignored_paths": "",
    "ignored_networks": "",
    "embed_hosts": "",
}
"""The settings of a new site, as the attributes of libs.page_views.registry.Site describe them."""

MOST_LINES = 100
"""How many lines a setting of several lines may have."""

_MOST_PER_MINUTE = 1_000_000_000

_ORIGIN = re.compile(r"((?:https?://)?)([^/:]+)((?::[0-9]{1,5})?)/?", re.IGNORECASE)


class InvalidSetting(ValueError):
    """A site cannot have this setting; the message says why."""


def checked_settings(settings: Mapping[str, str | int]) -> dict[str, str | int]:
    """Return settings as they are stored. Raises InvalidSetting if a site cannot have them."""
    unknown = settings.keys() - DEFAULTS.keys()
    if unknown:
        raise InvalidSetting(f"{min(unknown)} is no setting; there are {', '.join(DEFAULTS)}")
    zone = str(settings.get("zone", "UTC"))
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError) as error:
        raise InvalidSetting(f"{zone[:50]!r} is no time zone, such as Europe/Paris") from error
    if str(settings.get("public", 0)) not in ("0", "1"):
        raise InvalidSetting("public is neither 0 nor 1")
    for name in ("client_limit", "site_limit"):
        limit = str(settings.get(name, 0))
        digits = limit.isascii() and limit.isdecimal() and len(limit) <= 10
        if not digits or int(limit) > _MOST_PER_MINUTE:
            raise InvalidSetting(f"{limit[:50]!r} is no whole number from 0 to {_MOST_PER_MINUTE}")
    lines = {name: _lines(name, str(settings[name])) for name in LINES if name in settings}
    return {**settings, **lines}


def embed_host(text: str) -> str:
    """Return the origin or host of pages in its one form, such as https://blog.example:8443.

    A host without a scheme is for HTTPS, and for HTTP where the dashboard is served so. Raises
    ValueError.
    """
    origin = _ORIGIN.fullmatch(text)
    host = ascii_host(origin[2]) if origin else ""
    if not origin or not host or int(origin[3][1:] or 1) not in range(1, 65536):
        raise ValueError(f"{text[:50]!r} is no host or origin, such as https://blog.example")
    return f"{origin[1].lower()}{host}{origin[3]}"


LINES: dict[str, Callable[[str], str]] = {
    "ignored_paths": path_pattern,
    "ignored_networks": network,
    "embed_hosts": embed_host,
}
"""The settings of several lines, and what returns the one form of such a line."""


def in_words(settings: Mapping[str, str | int]) -> str:
    """Return settings in one line, such as "public to 1, ignored_paths to 2 lines"."""
    return ", ".join(
        f"{name} to {_count(str(value)) if name in LINES else value}"
        for name, value in settings.items()
    )


def _count(text: str) -> str:
    lines = len(text.splitlines())
    return f"{lines} line" if lines == 1 else f"{lines} lines"


def _lines(name: str, text: str) -> str:
    lines = list(filter(None, map(str.strip, text.splitlines())))
    if len(lines) > MOST_LINES:
        raise InvalidSetting(f"these are {len(lines)} lines, but at most {MOST_LINES} are possible")
    try:
        return "\n".join(dict.fromkeys(map(LINES[name], lines)))
    except ValueError as error:
        raise InvalidSetting(str(error)) from error
