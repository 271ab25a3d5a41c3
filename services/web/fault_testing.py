"""Run the web service, its Redis and the network between them in tests, and break each of them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import psutil
from dnslib import RR, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSServer

from libs.page_views.checking import check_site
from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.page_views.reading import totals
from libs.page_views.registry import add_site, find_site
from libs.processes.testing import wait_until, wait_until_ended
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.fault_proxy import Fault, fault_proxy
from services.web.visitor_testing import SITE, Seen, Sent

PASSWORD = "the first password"  # nosec B105  # of a Redis that only tests can reach

_VISITORS = 32
_WORKERS = 2
_START_SECONDS = 30  # on a busy machine
_REDIS_NAME = "redis.example"


class NameServer(BaseResolver):  # type: ignore[misc]  # dnslib has no types
    """A name server that knows one name, as long as it answers."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """Return the address of this machine."""
        del handler
        self.answers.wait()
        reply = request.reply()
        reply.add_answer(*RR.fromZone(f"{_REDIS_NAME}. 0 A 127.0.0.1"))
        return reply


class System:  # pylint: disable=too-many-instance-attributes  # it is a whole system
    """The web service with two workers, and the Redis that it reaches by name and network."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        data_dir: Path,
        *,
        password: str | None = PASSWORD,
        redis_environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.attempted: set[str] = set()
        """The nonces of all views of the site. A worker may send one again that waited for Redis,
        because it had no answer, when the next test has begun."""
        self._redis_environment = redis_environment
        self.password_file = data_dir / "password"
        if password:
            self.password_file.write_text(f"{password}\n", encoding="utf-8")
        self._redis = stack.enter_context(contextlib.ExitStack())
        self.start_redis()
        self._add_site()
        self.network = stack.enter_context(fault_proxy(data_dir / "redis.sock"))
        self.names = NameServer()
        name_server = DNSServer(self.names, address="127.0.0.1", port=0)
        name_server.start_thread()
        stack.callback(name_server.server.server_close)
        stack.callback(name_server.stop)
        stack.callback(self.names.answers.set)
        with socket.create_server(("127.0.0.1", 0)) as unused:
            self._port = unused.getsockname()[1]
        self._environment = {
            **os.environ,
            "GEVENTARES_SERVERS": "127.0.0.1",
            "GEVENTARES_UDP_PORT": str(name_server.server.server_address[1]),
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
            "REDIS_URL": self.network.url.replace("127.0.0.1", _REDIS_NAME),
            "WEB_CONCURRENCY": str(_WORKERS),
        }
        if password:
            self._environment["REDIS_PASSWORD_FILE"] = str(self.password_file)
        self.start_web()
        stack.callback(self.stop_web)

    def start_redis(self, *options: str) -> None:
        """Start Redis with the data that it had, and a client that bypasses the network."""
        server = self._redis.enter_context(
            embedded_redis(self.data_dir, *options, environment=self._redis_environment)
        )
        self.redis_process = server.process
        client = connect(server.url, wait_seconds=10)  # a new connection would need the password
        self.redis = self._redis.enter_context(contextlib.closing(client))
        if self.password_file.exists():
            password = self.password_file.read_text(encoding="utf-8").strip()
            self.redis.config_set("requirepass", password)

    def kill_redis(self) -> None:
        """Kill Redis."""
        self.redis_process.kill()
        self._redis.close()

    def end_connections(self) -> None:
        """End all connections to Redis but that of this client."""
        self.redis.client_kill_filter(_type="normal", skipme=True)

    def start_web(self) -> None:
        """Start Gunicorn."""
        command = [sys.executable, "-m", "services.web", f"--bind=127.0.0.1:{self._port}"]
        # pylint: disable=consider-using-with  # stop_web() and upgrade_web() end it
        self._child = subprocess.Popen(command, env=self._environment, start_new_session=True)
        self.web = psutil.Process(self._child.pid)
        self.wait_for_workers()

    def wait_for_workers(self) -> None:
        """Connect until there are all workers, and each has accepted a connection.

        They accept none before they have loaded the application.
        """
        with contextlib.ExitStack() as connections:

            def accepted_by_all() -> bool:
                with contextlib.suppress(ConnectionRefusedError):
                    address = ("127.0.0.1", self._port)
                    connections.enter_context(socket.create_connection(address))
                workers = self.workers()
                return len(workers) == _WORKERS and all(map(self._has_accepted, workers))

            wait_until(accepted_by_all, "the workers", _START_SECONDS)

    def _has_accepted(self, worker: psutil.Process) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return any(
                connection.laddr.port == self._port and connection.status == psutil.CONN_ESTABLISHED
                for connection in worker.net_connections()
            )
        return False

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        return children(self.web)

    def stop_web(self) -> None:
        """Stop Gunicorn, which first answers what it has accepted."""
        family = [self.web, *self.workers()]
        self.web.terminate()
        try:
            wait_until_ended(family)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def reload_web(self) -> None:
        """Let Gunicorn replace its workers."""
        old = self.workers()
        self.web.send_signal(signal.SIGHUP)
        wait_until_ended(old)
        self.wait_for_workers()

    def upgrade_web(self) -> None:
        """Replace Gunicorn by a new one, as its documentation describes for SIGUSR2."""
        self.wait_for_workers()
        old, workers = self.web, self.workers()
        old.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(children(old)) > len(workers), "the new Gunicorn", _START_SECONDS)
        (new,) = set(children(old)) - set(workers)
        self.web = new
        self.wait_for_workers()
        old.terminate()
        wait_until_ended([old, *workers])
        self._child.wait()

    def visit_during(
        self, fault: Callable[["System"], None], views: int, calm_seconds: float
    ) -> tuple[Seen, Sent]:
        """Return what came of views while the fault came and went, until so many were acknowledged.

        Half of the visitors view the page, the others a site. Nothing fails for calm_seconds
        before, between and after faults.
        """
        seen, sent = Seen(), Sent()
        enough = threading.Event()

        def visit(kind: Seen | Sent) -> None:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
            with contextlib.closing(connection):
                while not enough.is_set():
                    kind.view(connection)

        with ThreadPoolExecutor(_VISITORS) as executor:
            visitors = [executor.submit(visit, kind) for kind in (seen, sent) * (_VISITORS // 2)]
            try:
                time.sleep(calm_seconds)
                fault(self)
                while len(seen.numbers) + len(sent.stored) + len(sent.waiting) < views:
                    time.sleep(calm_seconds)
                    fault(self)
                time.sleep(calm_seconds)
            finally:
                enough.set()
        for visitor in visitors:
            visitor.result()
        self.attempted |= sent.attempted
        return seen, sent

    def stored(self) -> int:
        """Return the number of views of the page in Redis; check that each was stored once."""
        stored = int(self.redis.get(PAGE_VIEWS_KEY) or 0)
        assert len(self._nonces(f"{{{PAGE_VIEWS_KEY}}}")) == stored
        return stored

    def stored_of_site(self) -> set[str]:
        """Return the nonces of the site's views in Redis."""
        return self._nonces(find_site(self.redis, SITE).key)

    def drift_of_site(self) -> list[str]:
        """Return what is wrong with the numbers of the site, when no view of it arrives."""
        site = find_site(self.redis, SITE)
        drift = check_site(self.redis, site)
        if (views := totals(self.redis, site).views) != len(self.stored_of_site()):
            drift.append(f"{views} views are stored, not one for each nonce")
        return drift

    def _nonces(self, key: str) -> set[str]:
        prefix = f"{key}:nonce:"
        keys = self.redis.scan_iter(match=f"{prefix}*", count=1000)
        return {key.decode().removeprefix(prefix) for key in keys}

    def _add_site(self) -> None:
        add_site(self.redis, SITE, client_limit=0, site_limit=0)

    def reset(self) -> None:
        """Forget all views and end all faults of the network."""
        self.network.choose_fault = lambda: Fault.NONE
        self.redis.flushall()
        self._add_site()
        self.redis.bgrewriteaof()


def children(parent: psutil.Process) -> list[psutil.Process]:
    """Return the processes that a process has started.

    psutil's own children() misses those that seem to be older because the clock was set back.
    """
    return [each for each in psutil.process_iter(["ppid"]) if each.info["ppid"] == parent.pid]
