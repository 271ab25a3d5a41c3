"""Free the memory that an import needed for a day before this one's salts."""

import time
from datetime import date, datetime, timedelta, timezone

import redis

from libs.page_views.reading import Kind
from libs.page_views.recording import DAYS_KEPT
from libs.page_views.registry import Site
from libs.page_views.visitors import SALT_SECONDS
from libs.redis_access.replies import text

_KEYS_PER_CALL = 500


def is_past(seconds: float) -> bool:
    """Return whether no visitor of that time can be recognized: only imports count them now."""
    return seconds < time.time() - SALT_SECONDS


def forget_hour(client: redis.Redis, site: Site, hour: datetime) -> None:
    """Forget the visitors of an hour (UTC), but not how many there were."""
    client.unlink(f"{site.key}:{hour:%Y-%m-%d}:unique:hours:{hour:%H}")


def forget_day(client: redis.Redis, site: Site, day: date) -> None:
    """Forget the visitors of a day, but not how many; and its rows if they are not kept so long.

    Redis would do both within SALT_SECONDS, but an import of years would fill it until then.
    """
    keys = [f"{site.key}:{day:%Y-%m}:unique:days:{day}"]
    for kind in Kind:
        table = f"{site.key}:{day}:{kind.value}"
        rows = client.hkeys(f"{table}:visitors")
        keys += [f"{site.key}:{day}:unique:{kind.value}:{text(row)}" for row in rows]
    if day <= datetime.now(site.zone).date() - timedelta(days=DAYS_KEPT):
        for name in ("drops", *(kind.value for kind in Kind)):
            keys += [f"{site.key}:{day}:{name}", f"{site.key}:{day}:{name}:visitors"]
    for start in range(0, len(keys), _KEYS_PER_CALL):
        client.unlink(*keys[start : start + _KEYS_PER_CALL])


def utc_hour(hour: int) -> datetime:
    """Return the hour that began so many hours after 1970."""
    return datetime.fromtimestamp(hour * 3600, timezone.utc)
