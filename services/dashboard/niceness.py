"""Let a process give way to others if both want the processor."""

import contextlib
import os
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
"""Linux shares the processor between sessions first, unless they are in containers: a process is
nice only to others of its session. This file makes the session nice. See sched(7)."""


def give_way(niceness: int) -> None:
    """Make this process nicer by so much, and its session, too, if it or its parent leads one."""
    os.nice(niceness)
    if os.getsid(0) in (os.getpid(), os.getppid()):
        with contextlib.suppress(OSError):  # another system, or another Linux
            AUTOGROUP.write_text(f"{niceness}", encoding="ascii")
