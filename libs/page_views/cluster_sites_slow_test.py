"""Tests that sites are managed, counted and read in a Redis Cluster; each has a slot."""

import contextlib
import dataclasses
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest
import redis

from libs.page_views import reading
from libs.page_views.changes_testing import NAME, add, remove, rename
from libs.page_views.checking import check_site
from libs.page_views.demonstration import demonstration
from libs.page_views.importing import running_import
from libs.page_views.leftovers import find_leftovers, remove_leftovers
from libs.page_views.recording import COUNTED, Recorder, View, new_nonce
from libs.page_views.registry import (
    SITES_KEY,
    Site,
    SiteExists,
    UnknownSite,
    add_site,
    all_sites,
    change_site,
    find_site,
    remove_site,
    rename_site,
    site_keys,
)
from libs.page_views.reports.reader import Reader
from libs.page_views.site_lookup import SiteLookup
from libs.page_views.tokens import add_token, is_permitted, shared_site
from libs.page_views.transfer import export_sites, load_sites
from libs.page_views.visitors import Client
from libs.processes.testing import paused, wait_until
from libs.redis_access.cluster_nodes import NodeConnection
from libs.redis_access.cluster_testing import (
    FAILOVER_SECONDS,
    Node,
    NodeCluster,
    move_atomically,
    move_by_key,
    running_cluster,
)
from libs.redis_access.connection import connect
from libs.redis_access.retries import SlotUnavailable

SITES = [NAME, *(f"host{i}.example" for i in range(1, 8))]  # in order
NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
FORMER, NEXT = (list(demonstration(NAME, NOW, seed, days=1)) for seed in (0, 1))
ANSWER_SECONDS = 1.0
FIRST_KEY = "v2:{1}"
STEP = 1 if os.environ.get("SLOW_TESTS") == "all" else 3
"""At every which command a change is interrupted."""


@pytest.fixture(name="shared_cluster", scope="module")
def _shared_cluster() -> Iterator[NodeCluster]:
    """Yield a cluster in which the first site has a replica, for tests that stop no node."""
    with running_cluster(FIRST_KEY) as cluster:
        yield cluster


@pytest.fixture(name="cluster")
def _cluster(shared_cluster: NodeCluster) -> NodeCluster:
    """Return the shared cluster, empty."""
    for node in shared_cluster.primaries:
        node.client.flushall()
    return shared_cluster


@pytest.fixture(name="client")
def _client(cluster: NodeCluster) -> Iterator[redis.Redis]:
    with contextlib.closing(connect(cluster.url, wait_seconds=10)) as client:
        yield client


def stored(cluster: NodeCluster) -> set[str]:
    """Return all keys of sites."""
    return {key.decode() for node in cluster.primaries for key in node.client.scan_iter("v2:{*")}


def view(path: str = "/", nonce: str = "", visitor: int = 1) -> View:
    """Return a view of now."""
    client = Client(visitor.to_bytes(4, "big"), "browser")
    return View(path, datetime.now().timestamp(), client, nonce=nonce or new_nonce())


def test_should_add_rename_and_remove_sites(cluster: NodeCluster, client: redis.Redis) -> None:
    # Given
    sites = [add_site(client, name) for name in SITES]
    recorder = Recorder(client)
    for site in sites:
        assert recorder.record(site.name, [view()]) == [COUNTED]

    # When
    with pytest.raises(SiteExists):
        add_site(client, NAME)
    with pytest.raises(SiteExists):
        rename_site(client, sites[1], NAME)
    rename_site(client, sites[0], "new.example")
    change_site(client, find_site(client, "new.example"), public=1)
    remove_site(client, sites[1])

    # Then
    with pytest.raises(UnknownSite):
        change_site(client, sites[1], public=1)
    assert [site.name for site in all_sites(client)] == [*SITES[2:], "new.example"]
    renamed = find_site(client, "new.example")
    assert renamed.public and reading.totals(client, renamed).views == 1
    assert len({cluster.primary_of(site.key).port for site in all_sites(client)}) == 3
    assert client.hget(renamed.key, "name") == b"new.example"
    assert not any(key.startswith(sites[1].key) for key in stored(cluster))
    for site in list(all_sites(client)):
        assert not check_site(client, site)
        remove_site(client, site)
    assert not stored(cluster)


def test_should_read_and_share_sites(client: redis.Redis) -> None:
    # Given
    sites = [add_site(client, name, public=1) for name in SITES]
    recorder = Recorder(client)
    for number, site in enumerate(sites, 1):
        recorder.record(site.name, [view(visitor=i) for i in range(number)])
    token = add_token(client, sites[0], "share")

    # When
    reader = Reader(client)
    overviews = reader.overviews()
    opened = reader.open(NAME)
    rename_site(client, sites[1], "new.example")

    # Then
    assert [(each.site.name, each.today.views) for each in overviews] == [
        (name, number) for number, name in enumerate(SITES, 1)
    ]
    assert opened.site == sites[0]
    assert opened.names == tuple(SITES)
    assert reader.open("new.example").site.key == sites[1].key
    with pytest.raises(UnknownSite):
        reader.open(SITES[1])
    assert shared_site(SiteLookup(client), NAME, token) == sites[0]
    assert is_permitted(client, sites[0], token, "share")


def test_should_read_all_sites_in_one_round_trip_for_each_node(client: redis.Redis) -> None:
    # Given
    sends: Counter[int] = Counter()

    class Counting(NodeConnection):
        """A connection that counts what it sends to each node."""

        def send_packed_command(self, *arguments: Any, **options: Any) -> None:
            """Send commands."""
            sends[self.port] += 1
            super().send_packed_command(*arguments, **options)  # type: ignore[no-untyped-call]

    client.connection_pool.connection_class = Counting
    for name in SITES:
        add_site(client, name)
    sends.clear()

    # When
    overviews = Reader(client).overviews()

    # Then
    assert len(overviews) == len(SITES)
    assert len(sends) == 3
    assert max(sends.values()) <= 2 and sends.total() == 4  # one more for the list of sites


def test_should_export_load_and_import(cluster: NodeCluster, client: redis.Redis) -> None:
    # Given
    load_sites(client, FORMER)
    tables = [record for record in FORMER if "table" in record]

    # When
    load_sites(client, NEXT, replace=True)
    load_sites(client, FORMER, replace=True)
    exported = list(export_sites(client, [find_site(client, NAME)]))

    # Then
    assert by_table(exported) == by_table(tables)
    with running_import(client, find_site(client, NAME), "log", lambda entry, nonce: entry):
        pass
    assert len({key.split("}")[0] for key in stored(cluster)}) == 1, "the former site is left"


def by_table(records: list[Any]) -> dict[str, Any]:
    """Return the rows of each table of an export."""
    return {record["table"]: record["rows"] for record in records if "table" in record}


def replace(client: redis.Redis) -> None:
    """Replace the site by another."""
    load_sites(client, NEXT, replace=True)


@contextlib.contextmanager
def interrupted_client(url: str, sends: int) -> Iterator[redis.Redis]:
    """Yield a client that loses its connections after it has sent something so many times."""

    class Interrupted(NodeConnection):
        """A connection that is cut by the client."""

        def send_packed_command(self, *arguments: Any, **options: Any) -> None:
            """Send commands, or fail."""
            nonlocal sends
            sends -= 1
            if sends < 0:
                raise redis.ConnectionError("interrupted")
            super().send_packed_command(*arguments, **options)  # type: ignore[no-untyped-call]

    with contextlib.closing(connect(url, wait_seconds=10)) as client:
        client.connection_pool.connection_class = Interrupted
        yield client


def state(client: redis.Redis) -> object:
    """Return all that can be seen of the sites."""
    sites = list(all_sites(client))
    assert not any(check_site(client, site) for site in sites)
    return [
        (dataclasses.replace(site, key=""), by_table(list(export_sites(client, [site]))))
        for site in sites
    ]


def age(cluster: NodeCluster, client: redis.Redis, key: str) -> None:
    """Make Redis believe that nobody has used a key for a long time."""
    client.execute_command("RESTORE", key, 0, client.dump(key), "REPLACE", "IDLETIME", 4000)
    assert cluster.primary_of(key).client.object("IDLETIME", key) >= 4000


@pytest.mark.parametrize("change", [add, rename, remove, replace])
def test_should_show_no_half_of_a_change_that_is_interrupted(
    cluster: NodeCluster, client: redis.Redis, change: Callable[[redis.Redis], None]
) -> None:
    def start() -> None:
        for node in cluster.primaries:
            node.client.flushall()
        for name in SITES[1:3]:  # so that the sites are in other slots than the list of sites
            add_site(client, name)
        load_sites(client, FORMER)

    # Given
    start()
    before = state(client)
    change(client)
    after = state(client)
    assert before != after
    sends, done, cleaned = 0, False, 0
    while not done:
        start()

        # When
        with interrupted_client(cluster.url, sends) as interrupted:
            with contextlib.suppress(redis.ConnectionError):
                change(interrupted)
                done = True

        # Then
        seen = state(client)
        assert seen in (before, after)
        left = find_leftovers(client)
        assert not remove_leftovers(client).keys, "a change might be under way"
        for key in left.keys:
            age(cluster, client, key)
        remove_leftovers(client)
        assert not find_leftovers(client).sentences()
        cleaned += bool(left.sentences())
        assert state(client) == seen
        of_sites = tuple(site.key for site in all_sites(client))
        others = [key for key in stored(cluster) if not key.startswith(of_sites)]
        assert all(client.ttl(key) > 0 for key in others)
        if seen == before:  # it can be repeated
            change(client)
            assert state(client) == after
        sends += STEP
    assert cleaned or change is rename or STEP > 1


@dataclass
class Sent:
    """What was sent so far."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    """How many views of each site."""
    failed: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


@contextlib.contextmanager
def views_of(recorder: Recorder, names: list[str]) -> Iterator[Sent]:
    """Send views of sites, each again and again until it is acknowledged, until the end."""
    sent = Sent()
    stop, mutex = threading.Event(), threading.Lock()

    def send(name: str) -> None:
        while not stop.is_set():
            waiting = view()
            deadline = time.monotonic() + FAILOVER_SECONDS
            outcome: list[str] = []
            while not outcome:
                assert time.monotonic() < deadline, f"a view of {name} was never acknowledged"
                begin = time.monotonic()
                try:
                    outcome = recorder.record(name, [waiting], limited=False)
                except redis.RedisError:
                    pass
                with mutex:
                    sent.seconds.append(time.monotonic() - begin)
                    sent.acknowledged[name] += outcome == [COUNTED]
                    sent.failed[name] += not outcome
            assert outcome == [COUNTED]

    with ThreadPoolExecutor(2 * len(names)) as executor:
        senders = [executor.submit(send, name) for name in 2 * names]
        try:
            yield sent
        finally:
            stop.set()
        for sender in senders:
            sender.result()


def assert_counted_once(client: redis.Redis, sites: list[Site], sent: Sent) -> None:
    """Fail unless every acknowledged view is stored once, and nothing else."""
    for site in sites:
        assert reading.totals(client, site).views == sent.acknowledged[site.name], site.name
        assert not check_site(client, site)


@pytest.mark.parametrize("move", [move_atomically, move_by_key])
def test_should_count_views_once_while_slots_move(
    cluster: NodeCluster, client: redis.Redis, move: Callable[[Node, Node, str], None]
) -> None:
    # Given
    sites = [add_site(client, name) for name in SITES]
    moved = [SITES_KEY, *(site.key for site in sites[::2])]
    with (
        contextlib.closing(connect(cluster.url)) as recording,
        views_of(Recorder(recording), SITES) as sent,
    ):
        wait_until(lambda: len(sent.acknowledged) == len(SITES), "views of all sites")
        for key in moved:
            source, target = cluster.move_of(key)

            # When
            move(source, target, key)

            # Then
            wait_for_views(sent, 50)
    assert_counted_once(client, sites, sent)
    assert max(sent.seconds) < ANSWER_SECONDS
    if move is move_atomically:
        assert not sent.failed.total()


def wait_for_views(sent: Sent, number: int) -> None:
    """Wait until more than so many views are acknowledged from now on."""
    before = sent.acknowledged.total()
    wait_until(lambda: sent.acknowledged.total() > before + number, "more views")


def test_should_not_take_a_moved_site_for_an_empty_one(
    cluster: NodeCluster, client: redis.Redis
) -> None:
    # Given
    site = add_site(client, NAME)
    Recorder(client).record(NAME, [view()])
    keys = set(site_keys(client, site.key))

    # When
    move_atomically(*cluster.move_of(site.key), site.key)

    # Then
    with pytest.raises(SlotUnavailable):
        site_keys(client, site.key)  # SCAN itself finds nothing there
    assert keys and set(site_keys(client, site.key)) == keys


def test_should_lose_no_view_of_a_site_when_its_primary_is_killed() -> None:
    with running_cluster(FIRST_KEY) as cluster, contextlib.closing(connect(cluster.url)) as client:
        # Given
        sites = [add_site(client, name) for name in SITES]
        held = [site.name for site in sites if cluster.primary.has(site.key)]
        assert NAME in held and len(held) < len(SITES)
        with (
            contextlib.closing(connect(cluster.url)) as recording,
            views_of(Recorder(recording, replicas=1), held) as sent,
        ):
            wait_until(lambda: sent.acknowledged.total() > 50, "views")

            # When
            cluster.primary.kill()
            wait_until(lambda: cluster.replica.role() == "master", "failover", FAILOVER_SECONDS)
            cluster.primary.start()

            # Then
            before = sent.acknowledged.total()
            wait_until(
                lambda: sent.acknowledged.total() > before + 50, "more views", FAILOVER_SECONDS
            )
        assert sent.failed
        wait_until(lambda: cluster.primary.role() == "slave in step", "the node", FAILOVER_SECONDS)
        assert_counted_once(client, [site for site in sites if site.name in held], sent)
        assert max(sent.seconds) < ANSWER_SECONDS


def test_should_count_other_sites_as_always_while_a_node_hangs(
    cluster: NodeCluster, client: redis.Redis
) -> None:
    # Given
    sites = [add_site(client, name) for name in SITES]
    registry = cluster.primary_of(SITES_KEY)
    hung = next(node for node in cluster.primaries if node is not registry)
    others = [site.name for site in sites if not hung.has(site.key)]
    lost = [site.name for site in sites if hung.has(site.key)]
    assert others and lost
    with contextlib.closing(connect(cluster.url)) as recording:
        recorder = Recorder(recording)
        with views_of(recorder, SITES) as sent:
            wait_until(lambda: len(sent.acknowledged) == len(SITES), "views of all sites")

            # When
            with paused(hung.server.process.pid):
                wait_until(lambda: sent.failed.total() > 5, "failures")
                before, failed = Counter(sent.acknowledged), Counter(sent.failed)
                wait_until(
                    lambda: all(sent.acknowledged[name] > before[name] + 20 for name in others),
                    "views of other sites",
                )

            # Then
            seen = sum(sent.acknowledged[name] - before[name] for name in others)
            failures = sum(sent.failed[name] - failed[name] for name in others)
            assert failures < seen / 20  # none on an idle machine
            wait_until(
                lambda: all(sent.acknowledged[name] > before[name] + 5 for name in lost),
                "all sites",
                FAILOVER_SECONDS,
            )
    assert_counted_once(client, sites, sent)
    assert max(sent.seconds) < ANSWER_SECONDS
