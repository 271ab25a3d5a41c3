"""Count page views in Redis, each exactly once, even if the connection fails."""

import secrets
from typing import cast

import redis

from libs.redis_access.retries import call_with_retries

PAGE_VIEWS_KEY = "page_views"
"""The key of the counter, a plain integer that operators may read and set by hand."""

NONCE_SECONDS = 60
"""How long Redis remembers a view: much longer than all its attempts can take."""

# KEYS: the counter, the view's nonce. ARGV: how many seconds to remember the nonce.
# INCR comes first: if Redis refuses it (not an integer, out of memory, read-only), nothing is
# stored. GET follows because Lua rounds results of INCR above 2^53.
# When you change commands or keys here, change _WOULD_COUNT in readiness.py too.
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

    Each view has a nonce, so a retry after a lost answer returns the same number and counts nothing
    more. Raises redis.RedisError if the view is not confirmed within the budget of
    libs.redis_access.retries; it was then counted once or not at all.
    """
    # EVALSHA would need a second round trip when the server has forgotten the script.
    arguments = (_COUNT_ONCE, 2, PAGE_VIEWS_KEY, new_nonce_key(), NONCE_SECONDS)
    return int(call_with_retries(client, lambda: cast(bytes, client.eval(*arguments))))


def new_nonce_key() -> str:
    """Return a unique key under which Redis remembers one view."""
    # In a Redis Cluster, the braces put it in the counter's slot.
    return f"{{{PAGE_VIEWS_KEY}}}:nonce:{secrets.token_hex(16)}"
