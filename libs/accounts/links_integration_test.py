"""Tests that a link is valid once, for an hour, and only for what it was made for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from libs.accounts.accounts import UnknownAccount, add_account, all_accounts, remove_account
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


def test_should_let_one_of_many_use_the_links(redis_client: redis.Redis) -> None:
    # Given
    tokens = [first_token(redis_client) for _ in range(4)]

    def use(index: int) -> bool:
        try:
            use_link(redis_client, tokens[index % 4], f"account{index}", "hash")
            return True
        except InvalidLink:
            return False

    # When
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(use, range(16)))

    # Then
    assert used.count(True) == len(all_accounts(redis_client)) == 1


def test_should_forget_a_link_after_an_hour(redis_client: redis.Redis) -> None:
    token = first_token(redis_client)
    (key,) = link_keys(redis_client)
    assert LINK_SECONDS - 5 < redis_client.ttl(key) <= LINK_SECONDS
    assert token.encode() not in key
    redis_client.delete(key)  # as it does then
    for guess in (token, "", "\ud800"):
        with pytest.raises(InvalidLink, match="older than an hour"):
            use_link(redis_client, guess, "ada", "hash")
