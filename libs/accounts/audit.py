"""A list of what operators changed: when, who, at which site and what."""

import json
import time
from dataclasses import dataclass

import redis

AUDIT_KEY = "v2:accounts:audit"

MOST_CHANGES = 1_000
"""How many changes are kept; a new one replaces the oldest."""

COMMAND_LINE = "command line"
"""Who changed something without an account. It has a space, so no account has this name."""


@dataclass(frozen=True)
class Change:
    """What somebody changed."""

    time: int
    """Seconds since 1970."""
    who: str
    """The name of an account, or COMMAND_LINE."""
    site: str
    """The name that the site had then, or "" for what concerns no site."""
    what: str
    """A sentence without secrets and without the full stop, such as "made a token to read"."""


def record_change(client: redis.Redis, who: str, site: str, what: str) -> None:
    """Add a change that was just made; the arguments are those of Change.

    Raises redis.RedisError. Call it after the change, so that nothing is listed that failed.
    """
    change = json.dumps({"time": int(time.time()), "who": who, "site": site, "what": what})
    pipeline = client.pipeline()
    pipeline.lpush(AUDIT_KEY, change)
    pipeline.ltrim(AUDIT_KEY, 0, MOST_CHANGES - 1)
    pipeline.execute()


def recent_changes(client: redis.Redis) -> list[Change]:
    """Return all changes that are kept, the newest first. Raises redis.RedisError."""
    return [Change(**json.loads(change)) for change in client.lrange(AUDIT_KEY, 0, -1)]
