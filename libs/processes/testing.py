"""What tests ask about processes."""

import contextlib
import time
from collections.abc import Sequence

import psutil

DEADLINE_SECONDS = 5


def have_ended(processes: Sequence[psutil.Process]) -> bool:
    """Whether all processes end in time. One whose parent has yet to ask how it ended, has."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(map(_runs, processes)):
        if time.monotonic() > deadline:
            return False
    return True


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
