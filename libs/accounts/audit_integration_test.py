"""Tests that changes are listed, and that their list does not grow for ever."""

import time

import redis

from libs.accounts.audit import (
    AUDIT_KEY,
    COMMAND_LINE,
    MOST_CHANGES,
    Change,
    recent_changes,
    record_change,
)


def test_should_list_changes_the_newest_first(redis_client: redis.Redis) -> None:
    before = int(time.time())
    record_change(redis_client, "ada", "a.example", "made its numbers públic")
    record_change(redis_client, COMMAND_LINE, "", "added the account ada")
    newest, oldest = recent_changes(redis_client)
    assert oldest == Change(oldest.time, "ada", "a.example", "made its numbers públic")
    assert newest == Change(newest.time, COMMAND_LINE, "", "added the account ada")
    assert before <= oldest.time <= newest.time <= time.time()


def test_should_keep_only_the_newest_changes(redis_client: redis.Redis) -> None:
    redis_client.lpush(AUDIT_KEY, *["{}"] * (MOST_CHANGES + 7))
    record_change(redis_client, "ada", "", "the last")
    assert redis_client.llen(AUDIT_KEY) == MOST_CHANGES
    assert b"the last" in redis_client.lrange(AUDIT_KEY, 0, 0)[0]
