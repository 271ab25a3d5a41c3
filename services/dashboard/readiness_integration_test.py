"""Tests of readiness on a real Redis, with users who may too little."""

import contextlib

import pytest
import redis

from libs.redis_access.connection import connect
from services.dashboard.app import create_app

GONE = "redis://127.0.0.1:1"


@pytest.mark.parametrize(
    ("sites", "settings", "reason"),
    [
        ("%R~v2:sites +hget", "%R~v2:accounts +hget", None),
        ("%R~v2:sites", "%R~v2:accounts +hget", "permit"),
        ("%R~v2:sites +hget", "+hget", "permit"),
        (GONE, "%R~v2:accounts +hget", "reach"),
        ("%R~v2:sites +hget", GONE, "reach"),
    ],
)
def test_should_be_ready_if_sites_and_accounts_can_be_read(
    redis_client: redis.Redis, redis_url: str, sites: str, settings: str, reason: str | None
) -> None:
    # Given
    with contextlib.ExitStack() as stack:
        clients = []
        for user, rules in (("sites", sites), ("settings", settings)):
            url = rules
            if rules != GONE:
                redis_client.execute_command(
                    "ACL SETUSER", user, "reset", "on", "nopass", *rules.split()
                )
                url = redis_url.replace("unix://", f"unix://{user}:x@")
            clients.append(stack.enter_context(contextlib.closing(connect(url))))

        # When
        answer = create_app(*clients).test_client().get("/readyz")

    # Then
    if reason is None:
        assert (answer.status_code, answer.json) == (200, {"ready": True})
    else:
        assert answer.status_code == 503
        assert answer.json and reason in answer.json["reason"]
