"""A disk whose power can be cut: an ext4 file system in a file, on a loop device.

Needs Linux and root. Mounts are in a namespace of this process, so they and their loop devices end
with it and its children, even if it is killed.
"""

import contextlib
import ctypes
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_GIGABYTES = 4

# From linux/sched.h.
_CLONE_NEWNS = 0x20000

# From linux/fs.h and fs/ext4/ext4.h: what is in memory only, the journal's too, is lost.
_FS_IOC_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


class DiskError(Exception):
    """No such disk can be made here; the message says why."""


def isolate_mounts() -> None:
    """Hide the mounts of this process from others. Call it before any thread is started."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        raise DiskError(f"no namespace for mounts: {os.strerror(ctypes.get_errno())}; be root")
    _run("mount", "--make-rprivate", "/")


def make_disk(file: Path) -> None:
    """Make a disk with an empty file system in a file. Raises DiskError."""
    with file.open("wb") as new:
        new.truncate(_GIGABYTES * 1_000_000_000)  # a sparse file
    _run("mkfs.ext4", "-q", file)


@contextlib.contextmanager
def mounted(file: Path, directory: Path) -> Iterator[None]:
    """Mount a disk at a directory, created if missing, until the context ends.

    Nothing may use it any more then. Raises DiskError.
    """
    directory.mkdir(exist_ok=True)
    _run("mount", "--types", "ext4", "--options", "loop", file, directory)
    try:
        yield
    finally:
        _run("umount", directory)


def cut_power(directory: Path) -> None:
    """Let the disk at a directory write nothing any more."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, _FS_IOC_SHUTDOWN, _NO_LOG_FLUSH.to_bytes(4, "little"))
    finally:
        os.close(handle)


def _run(*command: str | Path) -> None:
    """Run a program. Raises DiskError if it fails or is missing."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise DiskError(f"{command[0]} is missing") from error
    if done.returncode:
        said = done.stderr.strip()
        raise DiskError(f"{command[0]} failed, which needs root and a loop device: {said}")
