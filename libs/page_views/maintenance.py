"""Change what was counted for a site by hand: add earlier views, or set a page back to 0."""

import redis
from redis.client import Pipeline

from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.page_views.reading import Count, Kind, totals
from libs.page_views.registry import Site, site_keys
from libs.page_views.tables import CORRECTIONS, SEEDED
from libs.redis_access.replies import text


def seed(client: redis.Redis, site: Site, path: str, count: Count) -> None:
    """Add to the total of a site and of one of its pages, but to no day or month.

    What was added is kept in the table SEEDED, so that the total can be recounted. Raises
    redis.RedisError; then nothing was added, unless the answer was lost.
    """
    with client.pipeline() as pipeline:
        _seed(pipeline, site, path, count)
        pipeline.execute()


def seed_front_page(client: redis.Redis, site: Site) -> int:
    """Add the views of the front page, which PAGE_VIEWS_KEY counts, to a site's page "/", once.

    Return how many were added: 0 if it was done before. Raises redis.RedisError, or ValueError if
    PAGE_VIEWS_KEY holds no number.
    """
    added = 0

    def add(pipeline: Pipeline) -> None:
        nonlocal added
        done = pipeline.hexists(f"{site.key}:{SEEDED}", PAGE_VIEWS_KEY)
        added = 0 if done else int(pipeline.get(PAGE_VIEWS_KEY) or 0)
        pipeline.multi()
        if added:
            pipeline.hset(f"{site.key}:{SEEDED}", PAGE_VIEWS_KEY, added)
            _seed(pipeline, site, "/", Count(added))

    client.transaction(add, f"{site.key}:{SEEDED}")
    return added


def _seed(pipeline: Pipeline, site: Site, path: str, count: Count) -> None:
    pages = f"{site.key}:all:{Kind.PAGES.value}"
    for key in (f"{site.key}:all", f"{site.key}:{SEEDED}"):
        pipeline.hincrby(key, "views", count.views)
        pipeline.hincrby(key, "visitors", count.visitors)
    pipeline.hincrby(pages, path, count.views)
    pipeline.hincrby(f"{pages}:visitors", path, count.visitors)


def reset_page(client: redis.Redis, site: Site, path: str) -> Count:
    """Set a page back to 0 in all periods; return what it had. The totals of the site stay.

    Its referrers are forgotten too. A visitor of today counts as a new one of the page. Raises
    redis.RedisError.
    """
    before = totals(client, site, path)
    hashes = site_keys(client, site.key, "hash")
    with client.pipeline(transaction=False) as reading:
        with_pairs = _periods(site, hashes, Kind.PAIRS)
        for period in with_pairs:
            reading.hkeys(f"{site.key}:{period}:{Kind.PAIRS.value}")
        pairs = zip(with_pairs, reading.execute())
    with client.pipeline() as pipeline:
        for period in _periods(site, hashes, Kind.PAGES):
            _delete_row(pipeline, site, period, Kind.PAGES, path)
        for period, rows in pairs:
            for pair in map(text, rows):
                if pair.rpartition(" ")[0] == path:
                    _delete_row(pipeline, site, period, Kind.PAIRS, pair)
        pipeline.incrby(f"{site.key}:{CORRECTIONS}")
        pipeline.execute()
    return before


def _periods(site: Site, keys: list[str], kind: Kind) -> list[str]:
    """Return the periods for which there is a table of this kind among keys."""
    end = f":{kind.value}"
    return [key[len(site.key) + 1 : -len(end)] for key in keys if key.endswith(end)]


def _delete_row(pipeline: Pipeline, site: Site, period: str, kind: Kind, row: str) -> None:
    table = f"{site.key}:{period}:{kind.value}"
    pipeline.hdel(table, row)
    pipeline.hdel(f"{table}:visitors", row)
    pipeline.unlink(f"{site.key}:{period}:unique:{kind.value}:{row}")
