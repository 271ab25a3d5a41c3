"""Run child processes that never outlive their parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

STOP_SECONDS = 10
"""How long a child may take to stop on SIGTERM before it is killed."""

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def child_process(
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Run command until the context ends; then stop it and its own children with SIGTERM.

    The child runs in its own session, so Ctrl+C reaches only the parent, which decides in which
    order its children stop. On Linux the child also stops if the parent is killed. output receives
    the child's standard output and error; by default it inherits the parent's.
    """
    # pylint: disable=subprocess-popen-preexec-fn  # it only makes one system call
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=_stop_with_parent,
    ) as process:
        try:
            yield process
        finally:
            _stop(process)


def _stop_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies. Runs between fork and exec."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the child's process group; kill it if the child takes longer than STOP_SECONDS."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
