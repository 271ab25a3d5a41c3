"""Tests of accounts in a real Redis, also of changes at the same time."""

import pytest
import redis

from libs.accounts.accounts import (
    AccountExists,
    InvalidName,
    UnknownAccount,
    account_name,
    add_account,
    all_accounts,
    change_password,
    find_account,
    remove_account,
    renew_hash,
    sign_out_everywhere,
)
from libs.accounts.conftest import Meanwhile


def test_should_add_list_and_remove_accounts(redis_client: redis.Redis) -> None:
    bob, ada = add_account(redis_client, "bob", "h"), add_account(redis_client, " Ada ", "h")
    assert all_accounts(redis_client) == [ada, bob]
    assert find_account(redis_client, "ada") == ada
    with pytest.raises(AccountExists, match="ada has an account already"):
        add_account(redis_client, "ADA", "h")
    remove_account(redis_client, "ada")
    assert all_accounts(redis_client) == [bob]
    for call in (find_account, remove_account, sign_out_everywhere):
        with pytest.raises(UnknownAccount, match="ada has no account"):
            call(redis_client, "ada")


@pytest.mark.parametrize("name", ["ada", "ada@example.org", "7", "a.b_c+d-e", "A" * 64])
def test_should_take_a_name(name: str) -> None:
    assert account_name(name) == name.lower()


@pytest.mark.parametrize("name", ["", " ", "a b", ".a", "a" * 65, "é", "a\n\nb", "a\0", "\ud800"])
def test_should_refuse_a_name(name: str) -> None:
    with pytest.raises(InvalidName, match="at most 64 letters"):
        account_name(name)


def test_should_begin_another_generation(redis_client: redis.Redis) -> None:
    first = add_account(redis_client, "ada", "h")
    second = sign_out_everywhere(redis_client, "ada")
    third = change_password(redis_client, "ada", "other")
    remove_account(redis_client, "ada")
    fourth = add_account(redis_client, "ada", "h")
    assert len({each.generation for each in (first, second, third, fourth)}) == 4
    assert (second.password_hash, third.password_hash) == ("h", "other")
    assert first.created == second.created == third.created


def test_should_renew_a_hash_unless_the_password_was_changed(redis_client: redis.Redis) -> None:
    before = add_account(redis_client, "ada", "old")
    renew_hash(redis_client, before, "new")
    renewed = find_account(redis_client, "ada")
    assert (renewed.password_hash, renewed.generation) == ("new", before.generation)
    changed = change_password(redis_client, "ada", "another password")
    renew_hash(redis_client, renewed, "newer")
    assert find_account(redis_client, "ada") == changed


def test_should_not_overwrite_what_is_changed_meanwhile(
    redis_client: redis.Redis, meanwhile: Meanwhile
) -> None:
    meanwhile(lambda: add_account(redis_client, "ada", "first"))
    with pytest.raises(AccountExists):
        add_account(redis_client, "ada", "second")
    before = find_account(redis_client, "ada")
    meanwhile(lambda: change_password(redis_client, "ada", "changed"))
    renew_hash(redis_client, before, "renewed")
    assert find_account(redis_client, "ada").password_hash == "changed"
    meanwhile(lambda: remove_account(redis_client, "ada"))
    with pytest.raises(UnknownAccount):
        sign_out_everywhere(redis_client, "ada")
    assert not all_accounts(redis_client)
