"""Read an overview of every site, of up to SITES_PER_CALL sites in two round trips."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import redis

from libs.page_views.reading import Count, Range, count_now, each_day, now_commands, table_keys
from libs.page_views.registry import SITES_KEY, stored_site
from libs.page_views.reports.answers import Overview
from libs.page_views.reports.batch import Batch
from libs.page_views.reports.buckets import Before, hours_so_far
from libs.page_views.reports.opening import counts
from libs.redis_access.replies import text
from libs.redis_access.retries import call_once

DAYS = 30

SITES_PER_CALL = 500
"""How many sites are read in one round trip, so that it stays short; each has some 15 commands."""


def read_overviews(client: redis.Redis) -> tuple[Overview, ...]:
    """Return an overview of every site, by name. Raises redis.RedisError."""
    names = call_once(client, lambda: client.hgetall(SITES_KEY))
    sites = sorted((text(name), text(key)) for name, key in names.items())
    found = []
    for i in range(0, len(sites), SITES_PER_CALL):
        batch, seconds = Batch(), time.time()
        overviews = [_add(batch, *site, seconds) for site in sites[i : i + SITES_PER_CALL]]
        batch.send(client)
        found += [overview() for overview in overviews]
    return tuple(filter(None, found))


def _add(batch: Batch, name: str, key: str, seconds: float) -> Callable[[], Overview | None]:
    """Add what is needed of a site, whatever its time zone is; return what returns the overview.

    That is None if the site was just removed.
    """
    utc = datetime.fromtimestamp(seconds, timezone.utc)
    settings = batch.add("HGETALL", key)
    days = [utc.date() + timedelta(days=i) for i in range(-DAYS, 2)]
    day_tables = [
        [batch.add("HGETALL", table) for table in table_keys(f"{key}:{month}:days")]
        for month in dict.fromkeys(f"{day:%Y-%m}" for day in days)
    ]
    hour_tables = {f"{day}": batch.add("HGETALL", f"{key}:{day}:hours") for day in days[-4:]}
    here = [batch.add(*command) for command in now_commands(key, int(seconds))]

    def views(hours: list[datetime]) -> int:
        return sum(
            int(batch[hour_tables[f"{hour:%Y-%m-%d}"]].get(b"%02d" % hour.hour, 0))
            for hour in hours
        )

    def overview() -> Overview | None:
        if not batch[settings]:
            return None
        site = stored_site(key, name, batch[settings])
        now = utc.astimezone(site.zone)
        count_of: dict[str, Count] = {}
        for tables in day_tables:
            count_of |= counts(*(batch[table] for table in tables))
        last_days = Range(now.date() - timedelta(days=DAYS - 1), now.date())
        last = tuple(count_of.get(f"{day}", Count()) for day in each_day(last_days))
        spans = hours_so_far(now, Before(days=1))
        today_so_far, yesterday_so_far = map(views, spans) if spans else (None, None)
        here_now = count_now(*(batch[command] for command in here))
        return Overview(site, here_now, last[-1], last[-2], today_so_far, yesterday_so_far, last)

    return overview
