"""Start services in tests as a user does, with a serve.py."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from libs.processes.testing import wait_until_ended


@dataclass
class Program:
    """A serve.py that runs."""

    banner: str
    """What it printed at its start: a line for each service."""
    process: psutil.Process

    @property
    def urls(self) -> list[str]:
        """Return the address of each service without a path."""
        return re.findall(r"http://[^\s/]+", self.banner)

    def family(self) -> list[psutil.Process]:
        """Return the process and all its descendants."""
        return [self.process, *self.process.children(recursive=True)]

    def stop(self, signal_number: signal.Signals) -> int:
        """Send a signal to serve.py, wait for all its processes, and return its exit status."""
        family = self.family()
        self.process.send_signal(signal_number)
        status = self.process.wait(5)
        wait_until_ended(family)
        return status


@contextlib.contextmanager
def program(
    module: str,
    services: int,
    /,
    *arguments: str,
    repository: Path = Path(),
    log: IO[bytes] | None = None,
    **environment: str,
) -> Iterator[Program]:
    """Run a serve.py of repository on free ports; at the end kill all its processes.

    services is how many it serves. log receives its standard error.
    """
    python_path = os.pathsep.join(map(os.path.abspath, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port=0", *arguments],
        cwd=repository,
        env={
            **{name: value for name, value in os.environ.items() if name != "REDIS_URL"},
            "PYTHONPATH": python_path,
            "WEB_CONCURRENCY": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    with process:
        assert process.stdout
        banner = "".join(process.stdout.readline() for _ in range(services))
        started = Program(banner, psutil.Process(process.pid))
        assert len(started.urls) == services, banner
        try:
            yield started
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                for member in started.family():
                    member.kill()
