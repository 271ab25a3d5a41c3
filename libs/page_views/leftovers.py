"""Find and remove what an interrupted change of a site leaves in a Redis Cluster.

libs.page_views.registry says how it comes about. On one server nothing is left, unless somebody
writes keys by hand.
"""

from dataclasses import dataclass

import redis
from redis.client import Pipeline

from libs.page_views.registry import SITES_KEY, last_site_number, numbered_key, remove_keys
from libs.redis_access.replies import text

SAFE_SECONDS = 3600
"""How long nobody has read the settings of a site without a name that may be removed: a change that
is under way gives it one at any moment."""

_KEYS_PER_CALL = 1000


@dataclass(frozen=True)
class Leftovers:
    """What nobody can see or use."""

    names: tuple[str, ...]
    """Names without a site. They may be given again."""
    keys: tuple[str, ...]
    """The keys of sites without a name."""

    def sentences(self) -> list[str]:
        """Return a sentence for each."""
        return [
            *(f"the name {name} belongs to no site" for name in self.names),
            *(f"the site {key} has no name" for key in self.keys),
        ]


def find_leftovers(client: redis.Redis) -> Leftovers:
    """Return what is left now, or what belongs to changes under way. Raises redis.RedisError."""
    last = last_site_number(client)  # first, so that newer sites cannot be taken for leftovers
    sites = {text(name): text(key) for name, key in client.hgetall(SITES_KEY).items()}
    without_site = set(sites.values()) - set(_existing(client, list(sites.values())))
    others = [key for key in map(numbered_key, range(1, last + 1)) if key not in sites.values()]
    return Leftovers(
        tuple(sorted(name for name, key in sites.items() if key in without_site)),
        tuple(_existing(client, others)),
    )


def remove_leftovers(client: redis.Redis) -> Leftovers:
    """Remove what is left, but no sites that were read in the last SAFE_SECONDS; return it.

    Raises redis.RedisError.
    """
    found = find_leftovers(client)
    names = tuple(name for name in found.names if _remove_name(client, name))
    idle = tuple(key for key in found.keys if _idle_seconds(client, key) >= SAFE_SECONDS)
    for key in idle:
        remove_keys(client, key)
    return Leftovers(names, idle)


def _existing(client: redis.Redis, keys: list[str]) -> list[str]:
    existing = []
    for i in range(0, len(keys), _KEYS_PER_CALL):
        part = keys[i : i + _KEYS_PER_CALL]
        with client.pipeline(transaction=False) as pipeline:
            for key in part:
                pipeline.exists(key)  # unlike HEXISTS, it is no use of the key
            existing += [key for key, exists in zip(part, pipeline.execute()) if exists]
    return existing


def _remove_name(client: redis.Redis, name: str) -> bool:
    removed: list[str] = []

    def remove(pipeline: Pipeline) -> None:
        key = pipeline.hget(SITES_KEY, name)
        removed[:] = [name] if key and not pipeline.exists(text(key)) else []
        pipeline.multi()
        for each in removed:
            pipeline.hdel(SITES_KEY, each)

    client.transaction(remove, SITES_KEY)
    return bool(removed)


def _idle_seconds(client: redis.Redis, key: str) -> int:
    return int(client.object("IDLETIME", key) or 0)
