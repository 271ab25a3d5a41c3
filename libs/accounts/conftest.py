"""Fixtures for the tests of accounts."""

from collections.abc import Callable

import pytest
from redis.client import Pipeline

from libs.accounts import accounts, links
from libs.accounts.accounts import Account, store
from libs.redis_access.testing import redis_client, redis_server, redis_url

__all__ = ["redis_client", "redis_server", "redis_url"]

Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture(name="meanwhile")
def _meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Return a function that lets a change happen before the next account is stored, once."""
    changes: list[Callable[[], object]] = []

    def store_after_changes(pipeline: Pipeline, account: Account) -> None:
        if changes:
            changes.pop()()
        store(pipeline, account)

    for module in (accounts, links):
        monkeypatch.setattr(module, "store", store_after_changes)
    return changes.append
