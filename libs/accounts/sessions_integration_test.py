"""Tests of what sessions are checked against."""

from concurrent.futures import ThreadPoolExecutor

import redis

from libs.accounts.accounts import add_account
from libs.accounts.sessions import SESSION_SECONDS, end_session, rotate_secret, standing


def test_should_make_one_secret_for_all_processes(redis_client: redis.Redis) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = {pool.submit(standing, redis_client, "", "").result().secret for _ in range(32)}
    (secret,) = secrets
    assert len(secret) == 32
    rotate_secret(redis_client)
    assert standing(redis_client, "", "").secret != secret


def test_should_find_the_account_and_the_end_of_a_session(redis_client: redis.Redis) -> None:
    account = add_account(redis_client, "ada", "hash")
    end_session(redis_client, "ended")
    assert standing(redis_client, "ada", "other").account == account
    assert not standing(redis_client, "ada", "other").ended
    assert standing(redis_client, "ada", "ended").ended
    assert standing(redis_client, "bob", "other").account is None
    assert 0 < redis_client.ttl("v2:accounts:ended:ended") <= SESSION_SECONDS
