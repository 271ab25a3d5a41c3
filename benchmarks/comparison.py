"""Measure web servers in turns, so a change of the machine's speed concerns all of them alike."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil
import redis

from benchmarks.figures import Case, Run
from benchmarks.load import call_script, view_page
from benchmarks.web_servers import (
    WebServer,
    cpu_seconds,
    directory_on_disk,
    free_port,
    redis_server,
    web_server,
)
from libs.processes.testing import wait_until

BARE_SCRIPT = "the script alone"
"""In place of a web server: Redis counts views that redis-benchmark sends."""

_CORES = os.cpu_count() or 1
_IDLE_SECONDS = 0.05
_FINISH_SECONDS = 60


@dataclass(frozen=True)
class Subject:
    """A running web server, and its Redis."""

    web: WebServer
    redis_port: int
    redis_process: psutil.Process
    redis: redis.Redis

    def measure(self, case: Case, seconds: int) -> Run:
        """Send requests for that many seconds: to the web server, or the script to its Redis."""
        self.redis.config_set("appendfsync", case.appendfsync)
        before = self._seconds()
        if case.server == BARE_SCRIPT:
            load = call_script(self.redis_port, case.connections, seconds)
        else:
            load = view_page(self.web.port, case.connections, seconds)
        used = {name: end - before[name] for name, end in self._seconds().items()}
        possible = used.pop("possible")
        self._finish()
        return Run(
            load.requests_per_second,
            load.p99_ms,
            load.failed,
            web_cpu_us=1e6 * used["web"] / load.requests,
            redis_cpu_us=1e6 * used["redis"] / load.requests,
            used_elsewhere=1 - sum(used.values()) / possible,
        )

    def _seconds(self) -> dict[str, float]:
        """Return the processor time that could have been used so far, and where it was used."""
        machine = psutil.cpu_times()
        return {
            "web": sum(map(cpu_seconds, self.web.processes())),
            "redis": cpu_seconds(self.redis_process),
            "here": sum(os.times()[:4]),  # by this process and wrk
            "unused": machine.idle + getattr(machine, "iowait", 0),
            "possible": time.monotonic() * _CORES,
        }

    def _finish(self) -> None:
        """Wait until requests that nobody waits for any more are answered."""

        def idle() -> bool:
            before = self._seconds()
            time.sleep(_IDLE_SECONDS)
            after = self._seconds()
            return (before["web"], before["redis"]) == (after["web"], after["redis"])

        wait_until(idle, "the last answers", _FINISH_SECONDS)


@contextlib.contextmanager
def running(*names: str, options: Sequence[str] = ()) -> Iterator[dict[str, Subject]]:
    """Run web servers until the context ends, each with a Redis of its own.

    options are for the Gunicorn of the first.
    """
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(directory_on_disk())
        subjects = {}
        for number, name in enumerate(names):
            data_dir, port = directory / str(number), free_port()
            server = stack.enter_context(redis_server(data_dir, port))
            client = stack.enter_context(redis.Redis(port=port))
            log = data_dir / "web.log"
            web = stack.enter_context(web_server(name, port, log, () if number else options))
            subjects[name] = Subject(web, port, psutil.Process(server.process.pid), client)
        yield subjects
