"""The script that counts the views of the page that embeds it, as it is served."""

import hashlib
from pathlib import Path

import rjsmin

TRACKER_JS = rjsmin.jsmin(
    Path(__file__).with_name("tracker.js").read_text(encoding="utf-8")
).encode()
"""The text of tracker.js without comments and spaces, in UTF-8."""

TRACKER_ETAG = hashlib.sha256(TRACKER_JS).hexdigest()[:32]
"""What identifies this version of it, without quotes, for werkzeug's Response.set_etag."""
