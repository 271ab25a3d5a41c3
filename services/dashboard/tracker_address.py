"""Know the address of the tracker, from which pages embed its script, pixel and badges."""

import os
import re

from libs.flask_service.settings import SettingError

VARIABLE = "TRACKER_URL"

EXAMPLE = "https://count.example.org"

_ORIGIN = re.compile(
    r"https?://(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)


def tracker_from_environment() -> str | None:
    """Return the address from TRACKER_URL, without a slash at its end, or None if it is not set.

    Raises libs.flask_service.settings.SettingError if it has more than scheme, host and port.
    """
    value = os.environ.get(VARIABLE, "")
    address = value.removesuffix("/")
    if address and not _ORIGIN.fullmatch(address):
        raise SettingError(f"{VARIABLE} must be an address such as {EXAMPLE}, not {value[:60]!r}")
    return address or None
