"""Find sites in one round trip to Redis, together with more that is stored of them."""

from collections.abc import Callable
from typing import Any

import redis
from redis.client import Pipeline

from libs.page_views.registry import SITES_KEY, Site, UnknownSite, stored_site
from libs.redis_access.replies import text


class SiteLookup:
    """Finds sites for one process. It knows only their keys, so every setting is up to date."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._keys: dict[str, str] = {}

    def find(self, name: str, add: Callable[[Pipeline, str], object]) -> tuple[Site, list[Any]]:
        """Return a site, and the replies to what add(pipeline, key) adds to the pipeline.

        It takes one round trip, and one more if the name had no key before, or another. add may be
        called twice. Raises libs.page_views.registry.UnknownSite or redis.RedisError.
        """
        key = self._keys.get(name, "")
        while True:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.hget(SITES_KEY, name)
                if key:
                    pipeline.hgetall(key)
                    add(pipeline, key)
                found, *replies = pipeline.execute()
            if not found:
                self._keys.pop(name, None)
                raise UnknownSite(f"{name} is not registered")
            if text(found) == key:
                return stored_site(key, name, replies[0]), replies[1:]
            key = self._keys[name] = text(found)
