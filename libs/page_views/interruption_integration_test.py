"""Tests that a change of a site is made as a whole or not at all, whenever it is interrupted."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import redis

from libs.page_views.changes_testing import NAME, add, remove, rename
from libs.page_views.checking import check_site
from libs.page_views.demonstration import demonstration
from libs.page_views.maintenance import reset_page, seed, seed_front_page
from libs.page_views.reading import Count
from libs.page_views.registry import all_sites, find_site
from libs.page_views.transfer import export_sites, load_sites
from libs.redis_access.connection import connect

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
FORMER, NEXT = (list(demonstration(NAME, NOW, seed, days=20)) for seed in (0, 1))


def interrupted_client(url: str, pieces: int) -> redis.Redis:
    """Return a client whose connection is lost after it has sent so many pieces of commands."""

    class Interrupted(redis.UnixDomainSocketConnection):
        """A connection that is cut by the client."""

        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            """Send a command, or several, in pieces; or fail."""
            nonlocal pieces
            data = b"".join(command)
            size = len(data) // 4 + 1
            for i in range(0, len(data), size):
                pieces -= 1
                if pieces < 0:
                    raise redis.ConnectionError("interrupted")
                piece = [data[i : i + size]]
                super().send_packed_command(piece, check_health)  # type: ignore[no-untyped-call]

    client = connect(url, wait_seconds=10)
    client.connection_pool.connection_class = Interrupted
    return client


@pytest.fixture(name="patient_client")
def _patient_client(redis_url: str) -> Iterator[redis.Redis]:
    with contextlib.closing(connect(redis_url, wait_seconds=10)) as client:
        yield client


def state(client: redis.Redis) -> object:
    """Return all that can be seen of the sites; check that nothing else stays."""
    of_sites = tuple(site.key for site in all_sites(client))
    others = [key for key in client.scan_iter("v2:{*") if not key.decode().startswith(of_sites)]
    assert all(client.ttl(key) > 0 for key in others)
    sites = []
    for site in all_sites(client):
        assert not check_site(client, site)
        settings = dataclasses.replace(site, key="")
        tables = [record for record in export_sites(client, [site]) if "table" in record]
        sites.append((settings, tables))
    return sites, client.hlen("v2:sites")


def replace(client: redis.Redis) -> None:
    """Replace the site by another."""
    load_sites(client, NEXT, replace=True)


def add_views(client: redis.Redis) -> None:
    """Add views to a page."""
    seed(client, find_site(client, NAME), "/", Count(100, 10))


def add_front_page(client: redis.Redis) -> None:
    """Add the views of the front page."""
    seed_front_page(client, find_site(client, NAME))


def reset(client: redis.Redis) -> None:
    """Reset a page."""
    reset_page(client, find_site(client, NAME), "/")


@pytest.mark.parametrize("change", [add, rename, remove, replace, add_views, add_front_page, reset])
def test_should_leave_no_half_when_it_is_interrupted(
    patient_client: redis.Redis, redis_url: str, change: Callable[[redis.Redis], None]
) -> None:
    def start() -> None:
        patient_client.flushall()
        patient_client.set("page_views", 7)
        load_sites(patient_client, FORMER)

    # Given
    start()
    before = state(patient_client)
    change(patient_client)
    after = state(patient_client)
    assert before != after

    # When
    pieces, done = 0, False
    while not done:
        start()
        with contextlib.closing(interrupted_client(redis_url, pieces)) as client:
            with contextlib.suppress(redis.ConnectionError):
                change(client)
                done = True

        # Then
        assert state(patient_client) in (before, after)
        pieces += 1
    assert state(patient_client) == after
    assert pieces > 8


def test_should_keep_nothing_of_a_load_that_was_interrupted(
    redis_client: redis.Redis, redis_url: str
) -> None:
    with contextlib.closing(interrupted_client(redis_url, 20)) as client:
        with pytest.raises(redis.ConnectionError):
            load_sites(client, FORMER)
    stored = list(redis_client.scan_iter("v2:{*"))
    assert stored and all(redis_client.ttl(key) > 0 for key in stored)
