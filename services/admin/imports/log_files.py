"""Read the lines of a log that is finished, compressed, piped in, or still being written.

Memory is bounded: only the beginning of an over-long line is kept, and it stays over-long.
"""

import gzip
import logging
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from threading import Event
from typing import IO, cast

from services.admin.imports.log_fields import MAX_LINE_BYTES

POLL_SECONDS = 0.5
_CHUNK_BYTES = 256 * 1024
_HEAD_BYTES = 512
_GZIP_MAGIC = b"\x1f\x8b"

_logger = logging.getLogger(__name__)


class _Splitter:
    """Cut chunks into lines, and hold back the last line until its newline arrives."""

    def __init__(self) -> None:
        self._rest = b""

    def lines(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in the chunk."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[: MAX_LINE_BYTES + 1]
        return lines

    def last_line(self) -> list[bytes]:
        """Return what was held back, if anything, and forget it."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def open_log(path: str) -> Iterator[bytes]:
    """Yield the lines of a log, plain or compressed by gzip, without newlines. "-" is stdin.

    If a compressed log is damaged or incomplete, log a warning and yield what could be read. Raises
    OSError if the file cannot be read.
    """
    if path == "-":
        yield from _all_lines(cast(BufferedReader, sys.stdin.buffer), "standard input")
    else:
        with open(path, "rb") as file:
            yield from _all_lines(file, path)


def _all_lines(file: BufferedReader, name: str) -> Iterator[bytes]:
    compressed = file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    source: BufferedReader | gzip.GzipFile = gzip.GzipFile(fileobj=file) if compressed else file
    splitter = _Splitter()
    try:
        while chunk := source.read1(_CHUNK_BYTES):
            yield from splitter.lines(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _logger.warning("%s is damaged or incomplete; the import ends there: %s", name, error)
    yield from splitter.last_line()


def follow(
    path: str,
    stop: Event,
    idle: Callable[[], None] = lambda: None,
    poll_seconds: float = POLL_SECONDS,
) -> Iterator[bytes]:
    """Yield the lines of a plain log without newlines, and more as they are written, until stop.

    It begins with the first line; LineNonces makes that safe to repeat. It goes on when the log is
    renamed and made anew, or copied and truncated. A line without a newline is held back while more
    may be written to it. Waits for a log that does not exist yet. Calls idle() before each wait.
    Raises OSError if the log cannot be read.
    """

    def wait() -> None:
        idle()
        stop.wait(poll_seconds)

    while not stop.is_set():
        try:
            with open(path, "rb", buffering=0) as file:
                yield from _follow_file(file, Path(path), stop, wait)
        except FileNotFoundError:
            wait()


def _follow_file(
    file: IO[bytes], path: Path, stop: Event, wait: Callable[[], None]
) -> Iterator[bytes]:
    """Yield lines of one file until another has its name and nothing more is written to it."""
    splitter = _Splitter()
    head = b""  # as a truncated log may have grown past the place where reading it stopped
    replaced = False
    while not stop.is_set():
        truncated = os.fstat(file.fileno()).st_size < file.tell()
        if truncated or os.pread(file.fileno(), len(head), 0) != head:
            yield from splitter.last_line()
            file.seek(0)
        chunk = file.read(_CHUNK_BYTES)
        if chunk:
            head = os.pread(file.fileno(), min(file.tell(), _HEAD_BYTES), 0)
            yield from splitter.lines(chunk)
        elif replaced:
            yield from splitter.last_line()
            return
        else:
            # The server may write to the old file for a moment after it began the new one.
            replaced = _has_successor(file, path)
            wait()


def _has_successor(file: IO[bytes], path: Path) -> bool:
    """Return whether path is another file, to which the server already writes."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return bool(found.st_size) and not os.path.samestat(found, os.fstat(file.fileno()))
