"""Tests of what may be a password, and of how it is hashed."""

import pytest
from argon2 import PasswordHasher

from libs.accounts import passwords
from libs.accounts.passwords import WeakPassword, hash_password, is_outdated, is_password


@pytest.mark.parametrize(
    ("password", "other"),
    [
        ("correct horse", "correct horsf"),
        ("pässwörter", "passworter"),
        ("pa\u0308ssworter", "passworter"),
        ("a\ud800bcdefghij", "abcdefghij"),
        ("0123456789" * 100, "0123456789" * 100 + "0"),
    ],
)
def test_should_know_a_password_by_its_hash(password: str, other: str) -> None:
    password_hash = hash_password("ada", password)
    assert password_hash.startswith("$argon2id$") and password not in password_hash
    assert is_password(password_hash, password)
    assert not is_password(password_hash, other)
    assert not is_outdated(password_hash)


def test_should_take_a_password_however_it_was_typed() -> None:
    assert is_password(hash_password("ada", "pa\u0308ssworter"), "p\u00e4ssworter")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "at least 10"),
        ("123456789", "at least 10"),
        ("0" * 1_001, "at most 1,000"),
        ("Ada.Lovelace", "not the name"),
    ],
)
def test_should_refuse_a_weak_password(password: str, reason: str) -> None:
    with pytest.raises(WeakPassword, match=reason):
        hash_password("ada.lovelace", password)


@pytest.mark.parametrize("password_hash", [None, "", "nonsense", "$argon2id$v=19$"])
def test_should_know_no_password_of_an_account_without_hash(password_hash: str | None) -> None:
    assert not is_password(password_hash, "")
    assert not is_password(password_hash, "correct horse")


def test_should_do_the_same_work_for_an_unknown_account() -> None:
    assert not is_outdated(passwords._OF_NOBODY)  # pylint: disable=protected-access


def test_should_notice_other_parameters() -> None:
    assert is_outdated(PasswordHasher(memory_cost=1_024).hash("correct horse"))
