"""What tests ask of processes, and do to them."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence

import psutil

DEADLINE_SECONDS = 5


def have_ended(processes: Sequence[psutil.Process]) -> bool:
    """Whether all processes end in time. One whose parent has yet to ask how it ended, has."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(map(_runs, processes)):
        if time.monotonic() > deadline:
            return False
    return True


@contextlib.contextmanager
def paused(process_id: int) -> Iterator[None]:
    """Stop a process without ending it, until the context ends."""
    os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
