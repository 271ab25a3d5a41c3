"""Counting page views in Redis: each view exactly once, whatever happens to the connection."""

import secrets
from typing import cast

import redis

from libs.redis_access.policy import call_with_retries

PAGE_VIEWS_KEY = "page_views"
"""A plain integer as a string; operators may read and set it by hand."""

NONCE_SECONDS = 60
"""How long Redis remembers a view: far longer than its attempts can be under way."""

# KEYS: the counter, the view's nonce. ARGV: how many seconds to remember the nonce.
# INCR goes first: if Redis refuses it (not an integer, out of memory, read-only) nothing is stored.
# GET, because Lua's numbers would round an answer of INCR beyond 2^53.
_COUNT_ONCE = """
local counted = redis.call('GET', KEYS[2])
if counted then return counted end
redis.call('INCR', KEYS[1])
local views = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[2], views, 'EX', ARGV[1])
return views
"""


def count_page_view(client: redis.Redis) -> int:
    """Count one page view and return the number it has, in one round trip.

    The view carries a nonce, so an attempt that repeats one whose answer was lost counts nothing
    and returns the same number. Raises redis.RedisError if the view cannot be confirmed within the
    budget of libs.redis_access.policy; it is then counted once or not at all.
    """
    # The braces keep both keys in one slot of a Redis Cluster.
    nonce_key = f"{{{PAGE_VIEWS_KEY}}}:nonce:{secrets.token_hex(16)}"
    # EVAL rather than EVALSHA: never a second round trip for a script the server has forgotten.
    arguments = (_COUNT_ONCE, 2, PAGE_VIEWS_KEY, nonce_key, NONCE_SECONDS)
    return int(call_with_retries(client, lambda: cast(bytes, client.eval(*arguments))))
