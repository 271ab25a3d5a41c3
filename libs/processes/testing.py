"""Helpers for tests that wait for processes or pause them."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence

import psutil

DEADLINE_SECONDS = 10
_POLL_SECONDS = 0.002


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until condition() is true; fail after that many seconds, naming what is missing."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {what} after {seconds} s"
        time.sleep(_POLL_SECONDS)


def wait_until_ended(processes: Sequence[psutil.Process]) -> None:
    """Wait until all processes have ended, zombies included; fail after 30 s."""
    wait_until(lambda: not any(map(_runs, processes)), f"the end of {processes}", 30)


@contextlib.contextmanager
def paused(process_id: int) -> Iterator[None]:
    """Pause a process until the context ends."""
    os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
