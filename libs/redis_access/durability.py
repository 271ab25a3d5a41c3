"""Check whether Redis keeps what it has acknowledged."""

from itertools import chain

import redis
from redis.exceptions import NoPermissionError

from libs.redis_access.cluster import clients_of_all
from libs.redis_access.retries import call_once


def why_data_could_be_lost(client: redis.Redis, replicas: int = 0) -> list[str]:
    """Return a sentence for each setting that could lose acknowledged data, with its remedy.

    replicas is how many there should be. Asks each primary of a cluster. Makes one attempt, within
    libs.redis_access.retries.slowest_attempt_seconds for each. Raises redis.RedisError.
    """
    reasons = [_reasons(node, replicas) for node in clients_of_all(client)]
    return list(dict.fromkeys(chain.from_iterable(reasons)))


def _reasons(client: redis.Redis, replicas: int) -> list[str]:
    try:
        info = call_once(client, lambda: client.info("persistence", "memory", "replication"))
    except NoPermissionError:
        return ["Redis does not let this user check how it keeps data; permit INFO"]
    reasons = []
    if not info["aof_enabled"]:
        reasons.append("Redis keeps no append-only file, so a crash loses data; set appendonly yes")
    if info["maxmemory_policy"] != "noeviction":
        reasons.append(
            f"Redis evicts data when it is full, by maxmemory-policy {info['maxmemory_policy']}; "
            "set noeviction"
        )
    if info["connected_slaves"] < replicas:
        reasons.append(
            f"Redis has {info['connected_slaves']} replicas, fewer than the {replicas} of "
            "REDIS_REPLICAS, so it acknowledges nothing; start replicas"
        )
    return reasons
