"""Tests of signing in: what is checked, what is counted, and what is kept of who tried."""

from collections.abc import Callable

import pytest
import redis
from argon2 import PasswordHasher

from libs.accounts.accounts import Account, add_account, find_account
from libs.accounts.passwords import hash_password
from libs.accounts.sign_in import MOST_ATTEMPTS, WINDOW_SECONDS, Attempt, TooManyAttempts, sign_in

PASSWORD = "correct horse"


class Trial:
    """Tries to sign in, and counts what is computed."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.computed: list[str] = []

    def __call__(
        self, name: str, password: str, address: str = "192.0.2.1", known: bool = False
    ) -> Account | None:
        """Return the account, or None."""
        return sign_in(self.client, b"secret", Attempt(address, name, password, known), self.run)

    def run(self, function: Callable[..., bool | str], *arguments: object) -> bool | str:
        """Note the name of the function and call it."""
        self.computed.append(function.__name__)
        return function(*arguments)

    def is_limited(self, *arguments: object, **options: bool) -> bool:
        """Return whether an attempt is refused, without computing anything."""
        before = list(self.computed)
        try:
            self(*arguments, **options)  # type: ignore[arg-type]
        except TooManyAttempts as refused:
            assert 0 < refused.retry_seconds <= WINDOW_SECONDS
            assert self.computed == before
            return True
        return False


@pytest.fixture(name="trial")
def _trial(redis_client: redis.Redis) -> Trial:
    add_account(redis_client, "ada", hash_password("ada", PASSWORD))
    return Trial(redis_client)


@pytest.mark.parametrize(
    ("name", "password", "signs_in"),
    [
        ("ada", PASSWORD, True),
        (" ADA ", PASSWORD, True),
        ("ada", PASSWORD + " ", False),
        ("ada", "", False),
        ("bob", PASSWORD, False),
        ("", "", False),
        ("no name", PASSWORD, False),
        ("\ud800", PASSWORD, False),
    ],
)
def test_should_do_the_same_work_for_every_attempt(
    trial: Trial, name: str, password: str, signs_in: bool
) -> None:
    account = trial(name, password)
    assert (account == find_account(trial.client, "ada")) is signs_in
    assert trial.computed == ["is_password"]


def test_should_renew_a_hash_of_former_parameters(trial: Trial) -> None:
    former = PasswordHasher(memory_cost=1_024, time_cost=1, parallelism=1).hash(PASSWORD)
    add_account(trial.client, "bob", former)
    assert not trial("bob", "wrong password")
    assert find_account(trial.client, "bob").password_hash == former
    assert trial("bob", PASSWORD) and trial("bob", PASSWORD)
    assert find_account(trial.client, "bob").password_hash != former
    assert trial.computed == ["is_password", "is_password", "hash_password", "is_password"]


@pytest.mark.parametrize(
    ("address", "others"),
    [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1"), ("/run/socket", "192.0.2.1")],
)
def test_should_limit_attempts_of_a_network(trial: Trial, address: str, others: str) -> None:
    for index in range(MOST_ATTEMPTS):
        assert not trial.is_limited(f"nobody{index}", "wrong", address)
    neighbour = f"{address}:2" if ":" in address else address
    assert trial.is_limited("somebody", "wrong", neighbour)
    assert trial.is_limited("ada", PASSWORD, address)
    assert not trial.is_limited("ada", PASSWORD, others)


@pytest.mark.parametrize("name", ["ada", "nobody", "no name"])
def test_should_limit_attempts_at_an_account_that_exists_or_not(trial: Trial, name: str) -> None:
    for index in range(MOST_ATTEMPTS):
        assert not trial.is_limited(name, "wrong", f"192.0.2.{index}")
    assert trial.is_limited(name, PASSWORD, "198.51.100.1")
    assert trial.is_limited(name.upper(), PASSWORD, "198.51.100.2")
    assert not trial.is_limited("another", PASSWORD, "198.51.100.2")


def test_should_not_lock_an_owner_out_of_a_known_browser(trial: Trial) -> None:
    for index in range(MOST_ATTEMPTS):
        assert not trial.is_limited("ada", "wrong", f"192.0.2.{index}")
    assert trial.is_limited("ada", PASSWORD, "198.51.100.1")
    assert trial("ada", PASSWORD, "198.51.100.1", known=True)
    for index in range(MOST_ATTEMPTS - 1):
        assert not trial.is_limited("ada", "wrong", f"203.0.113.{index}", known=True)
    assert trial.is_limited("ada", PASSWORD, "203.0.113.9", known=True)


def test_should_not_let_a_limited_network_use_up_the_attempts_of_accounts(trial: Trial) -> None:
    for index in range(MOST_ATTEMPTS):
        trial(f"nobody{index}", "wrong")
    for _ in range(MOST_ATTEMPTS):
        assert trial.is_limited("ada", "wrong")
    assert trial("ada", PASSWORD, "192.0.2.2")


def test_should_keep_neither_address_nor_name_and_forget_both(trial: Trial) -> None:
    trial("nobody", "wrong password", "192.0.2.1")
    keys = list(trial.client.scan_iter("v2:accounts:attempts:*"))
    assert len(keys) == 2
    for key in keys:
        assert 0 < trial.client.ttl(key) <= WINDOW_SECONDS
        assert b"192.0.2.1" not in key and b"nobody" not in key
    trial.client.delete(*keys)  # as they are after WINDOW_SECONDS
    assert trial("ada", PASSWORD)
