"""Open a site in one round trip: its settings, what was counted when, and other names."""

import time
from collections.abc import Mapping
from datetime import date, datetime, timezone

import redis

from libs.page_views.reading import Count, table_keys
from libs.page_views.registry import SITES_KEY, UnknownSite, key_of, stored_site
from libs.page_views.reports.answers import Opened
from libs.page_views.reports.batch import Batch
from libs.page_views.tables import CORRECTIONS
from libs.redis_access.replies import text

MONTHS = 27
"""Of so many months the days are read: of a year and the year before it, and the month that begins
somewhere on Earth."""

NAMES = 1_000
"""Up to about so many sites, the names of all are read, too."""


class Opener:
    """Opens sites. It remembers the key of each, and looks it up again if that has another name."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._keys: dict[str, str] = {}

    def open(self, name: str) -> Opened:
        """Return the site of this name. Raises UnknownSite, or redis.RedisError."""
        known = self._keys.get(name)
        if known:
            try:
                return self._open(known, name)
            except UnknownSite:
                self._keys.pop(name, None)
        key = key_of(self._client, name)
        if not key:
            raise UnknownSite(f"{name} is not registered")
        opened = self._open(key, name)
        self._keys[name] = key
        return opened

    def _open(self, key: str, name: str) -> Opened:
        """Return the site that has this key. Raises UnknownSite if it has not this name."""
        seconds = time.time()
        batch = Batch()
        named = batch.add("HGET", SITES_KEY, name)
        sites = batch.add("HSCAN", SITES_KEY, 0, "COUNT", NAMES)
        settings = batch.add("HGETALL", key)
        corrections = batch.add("GET", f"{key}:{CORRECTIONS}")
        months = [batch.add("HGETALL", table) for table in table_keys(f"{key}:all:months")]
        days = [
            [batch.add("HGETALL", table) for table in table_keys(f"{key}:{month}:days")]
            for month in months_until(datetime.fromtimestamp(seconds + 86_400, timezone.utc).date())
        ]
        batch.send(self._client)
        if batch[named] != key.encode():
            raise UnknownSite(f"{name} is not registered")
        site = stored_site(key, name, batch[settings])
        more, names = batch[sites]
        return Opened(
            site,
            datetime.fromtimestamp(seconds, site.zone),
            int(batch[corrections] or 0),
            counts(*(batch[table] for table in months)),
            {
                date.fromisoformat(day): count
                for tables in days
                for day, count in counts(*(batch[table] for table in tables)).items()
            },
            () if more else tuple(sorted(map(text, names))),
        )


def months_until(day: date) -> list[str]:
    """Return the last MONTHS months, that of the day first."""
    number = 12 * day.year + day.month - 1
    return [f"{i // 12}-{i % 12 + 1:02}" for i in range(number, number - MONTHS, -1)]


def counts(views: Mapping[bytes, bytes], visitors: Mapping[bytes, bytes]) -> dict[str, Count]:
    """Return the rows of a table."""
    return {
        row.decode(): Count(int(number), int(visitors.get(row, 0))) for row, number in views.items()
    }
