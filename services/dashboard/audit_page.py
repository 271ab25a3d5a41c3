"""Show who changed what."""

from datetime import datetime, timezone

import redis
from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from libs.accounts.audit import MOST_CHANGES, recent_changes


def audit_page(client: redis.Redis) -> Blueprint:
    """Return the page of changes."""
    blueprint = Blueprint("audit", __name__)

    @blueprint.get("/audit")
    def page() -> ResponseReturnValue:
        """List changes, the newest first."""
        changes = [
            (datetime.fromtimestamp(change.time, timezone.utc), change)
            for change in recent_changes(client)
        ]
        return render_template("audit.html", changes=changes, most=MOST_CHANGES)

    return blueprint
