"""Tests that a link is valid once, for an hour, and only for what it was made for."""

from collections.abc import Iterator
from functools import partial

import pytest
import redis

from libs.accounts.accounts import UnknownAccount, add_account, all_accounts, remove_account
from libs.accounts.conftest import Meanwhile
from libs.accounts.links import (
    LINK_SECONDS,
    InvalidLink,
    first_link_token,
    name_of_link,
    password_link_token,
    use_link,
)


def first_token(client: redis.Redis) -> str:
    """Return a token for the first account."""
    token = first_link_token(client)
    assert token
    return token


def link_keys(client: redis.Redis) -> Iterator[bytes]:
    """Return the keys of all links."""
    return client.scan_iter("v2:accounts:link:*")


def test_should_add_the_first_account_once(redis_client: redis.Redis) -> None:
    # Given each replica has printed a link
    tokens = [first_token(redis_client) for _ in range(2)]
    assert [name_of_link(redis_client, token) for token in tokens] == ["", ""]

    # When one is used
    account = use_link(redis_client, tokens[0], "ada", "hash")

    # Then no other can be, nor is one made
    assert all_accounts(redis_client) == [account]
    for token in tokens:
        with pytest.raises(InvalidLink):
            use_link(redis_client, token, "bob", "hash")
        with pytest.raises(InvalidLink):
            name_of_link(redis_client, token)
    assert first_link_token(redis_client) is None


def test_should_set_a_password_once(redis_client: redis.Redis) -> None:
    before = add_account(redis_client, "ada", "old")
    token = password_link_token(redis_client, "ada")
    assert name_of_link(redis_client, token) == "ada"
    after = use_link(redis_client, token, "bob", "new")
    assert (after.name, after.password_hash) == ("ada", "new")
    assert after.generation != before.generation
    assert all_accounts(redis_client) == [after]
    with pytest.raises(InvalidLink):
        use_link(redis_client, token, "ada", "newer")
    with pytest.raises(UnknownAccount):
        password_link_token(redis_client, "bob")


def test_should_not_add_again_an_account_that_was_removed(redis_client: redis.Redis) -> None:
    add_account(redis_client, "ada", "old")
    token = password_link_token(redis_client, "ada")
    remove_account(redis_client, "ada")
    with pytest.raises(UnknownAccount):
        use_link(redis_client, token, "ada", "new")
    assert not all_accounts(redis_client)


def test_should_let_one_of_two_use_links_at_the_same_time(
    redis_client: redis.Redis, meanwhile: Meanwhile
) -> None:
    for used, other in ((0, 1), (0, 0)):
        # Given
        redis_client.flushall()
        tokens = [first_token(redis_client) for _ in range(2)]
        meanwhile(partial(use_link, redis_client, tokens[other], "ada", "hash"))

        # Then
        with pytest.raises(InvalidLink):
            use_link(redis_client, tokens[used], "bob", "hash")
        assert [account.name for account in all_accounts(redis_client)] == ["ada"]


def test_should_forget_a_link_after_an_hour(redis_client: redis.Redis) -> None:
    token = first_token(redis_client)
    (key,) = link_keys(redis_client)
    assert LINK_SECONDS - 5 < redis_client.ttl(key) <= LINK_SECONDS
    assert token.encode() not in key
    redis_client.delete(key)  # as it does then
    for guess in (token, "", "\ud800"):
        with pytest.raises(InvalidLink, match="older than an hour"):
            use_link(redis_client, guess, "ada", "hash")
