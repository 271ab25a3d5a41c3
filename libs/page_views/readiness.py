"""Check whether a page view would be counted now, without counting or writing anything."""

import logging

import redis

from libs.page_views.counting import NONCE_SECONDS, PAGE_VIEWS_KEY, new_nonce_key
from libs.redis_access.reasons import reason_of
from libs.redis_access.retries import call_once

# Takes the same keys and arguments as the counting script, and fails whenever that would fail.
# It does not set the flag no-writes, so Redis 7 and later refuse it whenever they refuse writes.
# INCR accepts a whole number below 2^63 - 1, without a plus sign, leading zeros or spaces.
_WOULD_COUNT = """#!lua
local permitted = redis.acl_check_cmd('GET', KEYS[1]) and redis.acl_check_cmd('GET', KEYS[2])
  and redis.acl_check_cmd('INCR', KEYS[1])
  and redis.acl_check_cmd('SET', KEYS[2], '', 'EX', ARGV[1])
if not permitted then return redis.error_reply('NOPERM GET, INCR or SET on these keys') end
local views = redis.call('GET', KEYS[1])
if not views or views == '0' then return 1 end
local sign, digits = string.match(views, '^(-?)([1-9]%d*)$')
if not digits or #digits > 19 then return 0 end
if #digits < 19 then return 1 end
local limit = sign == '-' and '9223372036854775808' or '9223372036854775806'
return digits <= limit and 1 or 0
"""

_logger = logging.getLogger(__name__)


def why_not_ready(client: redis.Redis) -> str | None:
    """Return why a view would not be counted now, in words anyone may read, or None if it would.

    Makes one attempt, within libs.redis_access.retries.slowest_attempt_seconds. Logs the exact
    error of Redis or the connection.
    """
    arguments = (_WOULD_COUNT, 2, PAGE_VIEWS_KEY, new_nonce_key(), NONCE_SECONDS)
    try:
        if call_once(client, lambda: client.eval(*arguments)):
            return None
        reason = f"{PAGE_VIEWS_KEY} does not hold a number that can be counted on"
        _logger.warning("not ready: %s", reason)
    except redis.RedisError as error:
        reason = reason_of(error)
        _logger.warning("not ready: %s: %s", reason, error)
    return reason
