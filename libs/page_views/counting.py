"""Count page views in Redis, each exactly once, even if the connection fails."""

import secrets
from collections.abc import Callable, Sequence
from typing import cast

import redis

from libs.redis_access.cluster import client_of
from libs.redis_access.group_commit import GroupCommit
from libs.redis_access.retries import call_with_retries, slowest_attempt_seconds

PAGE_VIEWS_KEY = "page_views"
"""The key of the counter, a plain integer that operators may read and set by hand."""

NONCE_SECONDS = 60
"""How long Redis remembers a view: much longer than all its attempts can take."""

REPLICA_MILLISECONDS = 75
"""How long Redis waits for its replicas: less than libs.redis_access.retries.WAIT_SECONDS."""

# KEYS: the counter, the nonces of one or more views. ARGV: how many seconds to remember the nonces.
# Returns each view's number, or the error that refuses it.
# INCR comes first: if Redis refuses it (not an integer, out of memory, read-only), nothing is
# stored. GET follows because Lua rounds results of INCR above 2^53.
# SET is also for a view that was counted before: WAIT waits for this write, and so for the earlier.
# When you change commands or keys here, change _WOULD_COUNT in readiness.py too.
COUNT_ONCE = """
local answers = {}
for i = 2, #KEYS do
  local answer = redis.call('GET', KEYS[i])
  if not answer then
    answer = redis.pcall('INCR', KEYS[1])
    if type(answer) == 'number' then answer = redis.call('GET', KEYS[1]) end
  end
  if type(answer) == 'string' then redis.call('SET', KEYS[i], answer, 'EX', ARGV[1]) end
  answers[i - 1] = answer
end
return answers
"""


class PageViewCounter:
    """Counts the page views of one process, those that arrive together in one round trip."""

    def __init__(
        self,
        client: redis.Redis,
        replicas: int = 0,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        """Count by client; acknowledge a view only when that many replicas have it too.

        observe is told how many views each call to Redis counts.
        """
        self._client = client
        self._replicas = replicas
        self._group_commit = GroupCommit(self._count_once, slowest_attempt_seconds(client), observe)

    def count(self) -> int:
        """Count one page view and return its number.

        Each view has a nonce, so a retry after a lost answer returns the same number and counts
        nothing more. Raises redis.RedisError if the view is not confirmed within the budget of
        libs.redis_access.retries; it was then counted once or not at all.
        """
        nonce_key = new_nonce_key()
        return int(
            call_with_retries(
                self._client, lambda deadline: self._group_commit.submit(nonce_key, deadline)
            )
        )

    def _count_once(self, nonce_keys: list[str]) -> Sequence[bytes | Exception]:
        """Count the views that are not counted yet; return the number or error of each."""
        # EVALSHA would need a second round trip when the server has forgotten the script.
        keys = (PAGE_VIEWS_KEY, *nonce_keys)
        client = client_of(self._client, PAGE_VIEWS_KEY)
        if not self._replicas:  # a pipeline would take a quarter more processor time
            answers = client.eval(COUNT_ONCE, len(keys), *keys, NONCE_SECONDS)
            return cast(list[bytes | Exception], answers)
        with client.pipeline(transaction=False) as pipeline:
            pipeline.eval(COUNT_ONCE, len(keys), *keys, NONCE_SECONDS)
            pipeline.wait(self._replicas, REPLICA_MILLISECONDS)
            answers, replicas = pipeline.execute()
        if replicas < self._replicas:
            raise redis.TimeoutError(f"{replicas} of {self._replicas} replicas have the view")
        return cast(list[bytes | Exception], answers)


def new_nonce_key() -> str:
    """Return a unique key under which Redis remembers one view."""
    # In a Redis Cluster, the braces put it in the counter's slot.
    return f"{{{PAGE_VIEWS_KEY}}}:nonce:{secrets.token_hex(16)}"
