"""Counts page views in Redis: each view exactly once, whatever happens to the connection."""

import secrets
from typing import cast

import redis

from libs.redis_access.retries import call_with_retries

PAGE_VIEWS_KEY = "page_views"
"""A plain integer as a string; operators may read and set it by hand."""

NONCE_SECONDS = 60
"""How long Redis remembers a view: far longer than its attempts can be under way."""

# KEYS: the counter, the view's nonce. ARGV: how many seconds to remember the nonce.
# INCR goes first: if Redis refuses it (not an integer, out of memory, read-only) nothing is stored.
# GET, because Lua's numbers would round an answer of INCR beyond 2^53.
# A change here, of commands or keys, is a change of WOULD_COUNT in readiness.py too.
_COUNT_ONCE = """
local counted = redis.call('GET', KEYS[2])
if counted then return counted end
redis.call('INCR', KEYS[1])
local views = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[2], views, 'EX', ARGV[1])
return views
"""


def count_page_view(client: redis.Redis) -> int:
    """Count one page view and return its number, in one round trip.

    The view carries a nonce, so an attempt that repeats one whose answer was lost counts nothing
    and returns the same number. Raises redis.RedisError if the view cannot be confirmed within the
    budget of libs.redis_access.retries; it is then counted once or not at all.
    """
    # EVAL rather than EVALSHA: never a second round trip for a script the server has forgotten.
    arguments = (_COUNT_ONCE, 2, PAGE_VIEWS_KEY, new_nonce_key(), NONCE_SECONDS)
    return int(call_with_retries(client, lambda: cast(bytes, client.eval(*arguments))))


def new_nonce_key() -> str:
    """Return the key under which Redis remembers one view; no two views have the same."""
    # The braces keep it in the counter's slot of a Redis Cluster.
    return f"{{{PAGE_VIEWS_KEY}}}:nonce:{secrets.token_hex(16)}"
