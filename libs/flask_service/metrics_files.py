"""Where Gunicorn's processes keep their metrics: in files that each of them maps into its memory.

The functions are hooks of Gunicorn, which libs.flask_service.gunicorn_config sets. A worker that
dies leaves its counts in its files, and the worker that takes its place goes on counting there. So
nothing is lost, and however many workers die, there are no more files than workers.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the directory; prometheus_client reads it. In one process it is not set."""

_PREFIX = "page-tracker-metrics-"
_MEMORY = "/dev/shm"  # nosec B108  # each directory has an unguessable name
_STARTING_SECONDS = 60


def make_directory(_server: Any) -> None:
    """Make an empty directory, in memory on Linux, and remove those of servers that were killed."""
    parent = _MEMORY if os.path.isdir(_MEMORY) else tempfile.gettempdir()
    for directory in Path(parent).glob(f"{_PREFIX}*"):
        _remove_unless_used(directory)
    made = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
    # The lock ends with the last process that has inherited this descriptor.
    fcntl.flock(os.open(made, os.O_RDONLY), fcntl.LOCK_SH)
    os.environ[DIRECTORY_VARIABLE] = made


def choose_slot(server: Any, worker: Any) -> None:
    """Give a worker that is about to start the lowest number that no other has."""
    taken = {other.slot for other in server.WORKERS.values()}
    worker.slot = next(slot for slot in itertools.count() if slot not in taken)


def use_files(_server: Any, worker: Any) -> None:
    """Let this process, a new worker, keep its metrics in the files of its slot."""
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
        lambda: worker.slot
    )


def forget_gauges(_server: Any, worker: Any) -> None:
    """Remove what a worker that has ended knew of its state; keep what it counted."""
    mark_process_dead(worker.slot)  # type: ignore[no-untyped-call]


def remove_directory(_server: Any) -> None:
    """Remove the directory; the server ends."""
    shutil.rmtree(os.environ[DIRECTORY_VARIABLE], ignore_errors=True)


def _remove_unless_used(directory: Path) -> None:
    with contextlib.suppress(OSError):  # it is used, another user's, or gone
        if time.time() - directory.stat().st_mtime < _STARTING_SECONDS:  # it may have no lock yet
            return
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory)
        finally:
            os.close(descriptor)
