"""Find the browser that tests control."""

import shutil


def chromium() -> str:
    """Return the path of Chromium, or of Chrome. Raises FileNotFoundError if neither is on PATH."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("Chromium is not on PATH; on Debian: apt-get install chromium")
