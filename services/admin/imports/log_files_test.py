"""Tests of how the lines of logs are read: compressed, piped in, and while they are written."""

import gzip
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.admin.imports.log_fields import MAX_LINE_BYTES
from services.admin.imports.log_files import follow, open_log
from services.admin.imports.testing import memory_below

MANY = [b"%d" % n for n in range(100_000)]


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def read(log: Path) -> list[bytes]:
    """Return the lines of a log."""
    return list(open_log(str(log)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"\xff\r\n", [b"\xff\r"]),
        (b"\n".join(MANY), MANY),
    ],
)
def test_should_read_a_log(
    log: Path, pack: Callable[[bytes], bytes], content: bytes, lines: list[bytes]
) -> None:
    log.write_bytes(pack(content))
    assert read(log) == lines


def test_should_read_a_log_that_was_compressed_in_parts(log: Path) -> None:
    log.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\n") + bytes(100))
    assert read(log) == [b"a", b"bc"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_should_read_what_is_piped_in(
    monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    reader, writer = os.pipe()
    os.write(writer, pack(b"a\nb\n"))
    os.close(writer)
    with open(reader, "rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        assert list(open_log("-")) == [b"a", b"b"]


def test_should_keep_what_can_be_read_of_a_truncated_log(
    log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    whole = gzip.compress(b"\n".join(MANY))
    log.write_bytes(whole[: len(whole) // 2])

    # When
    with caplog.at_level(logging.WARNING):
        lines = read(log)

    # Then
    assert len(lines) > len(MANY) // 3
    assert lines[:-1] == MANY[: len(lines) - 1]
    assert f"{log} is damaged or incomplete; the import ends there" in caplog.text


@pytest.mark.parametrize(
    "damage", [b"\x1f\x8b", b"no gzip", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 9]
)
def test_should_keep_what_was_read_before_damage(
    log: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    log.write_bytes(gzip.compress(b"a\n") + damage)
    assert read(log) == [b"a"]
    assert "damaged" in caplog.text


def test_should_read_a_huge_line_in_bounded_memory(log: Path) -> None:
    # Given
    with gzip.open(log, "wb", compresslevel=1) as file:
        for _ in range(64):
            file.write(b"a" * 1024**2)
        file.write(b"\nb\n")

    # When
    with memory_below(2_000_000):
        lines = read(log)

    # Then
    assert len(lines[0]) > MAX_LINE_BYTES
    assert lines[1:] == [b"b"]


class Steps(Event):
    """An event that takes a step at every pause, and is set after the last."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        super().__init__()
        self._steps = iter(steps)

    def wait(self, timeout: float | None = None) -> bool:
        """Take the next step instead of waiting."""
        step = next(self._steps, self.set)
        step()
        return self.is_set()


def followed(log: Path, *steps: Callable[[], object]) -> list[bytes]:
    """Return the lines of a log that changes by one step whenever all was read."""
    return list(follow(str(log), Steps(*steps)))


def writing(log: Path, content: bytes) -> Callable[[], object]:
    """Return a step that appends to the file that has the name now, or makes it."""

    def write() -> None:
        with log.open("ab") as file:
            file.write(content)

    return write


def test_should_follow_a_log_from_its_first_line(log: Path) -> None:
    log.write_bytes(b"a\nb\n")
    assert followed(log, writing(log, b"c\n"), writing(log, b"d\n")) == [b"a", b"b", b"c", b"d"]


def test_should_wait_for_a_log(log: Path) -> None:
    assert followed(log, lambda: None, writing(log, b"a\n")) == [b"a"]


@settings(deadline=None, database=None, derandomize=True)
@given(content=st.text("ab\n", max_size=20), cuts=st.lists(st.integers(0, 20)).map(sorted))
def test_should_hold_back_a_line_until_it_is_whole(
    tmp_path_factory: pytest.TempPathFactory, content: str, cuts: list[int]
) -> None:
    # Given
    log = tmp_path_factory.mktemp("log") / "access.log"
    parts = [
        content[start:end].encode() for start, end in zip([0, *cuts], [*cuts, None], strict=True)
    ]

    # When
    lines = followed(log, *(writing(log, part) for part in parts))

    # Then
    assert lines == content.encode().split(b"\n")[:-1]


def test_should_follow_the_new_log_after_all_of_the_renamed_one(log: Path) -> None:
    # Given
    log.write_bytes(b"a\n")
    with log.open("ab", buffering=0) as old:
        steps = (
            lambda: log.rename(log.with_suffix(".1")),
            lambda: old.write(b"b\n"),
            writing(log, b""),  # made, but the server does not write to it yet
            lambda: old.write(b"c\n"),
            writing(log, b"e\n"),
            lambda: old.write(b"d"),  # a process of the server that is late and dies
            writing(log, b"f\n"),
        )

        # Then
        assert followed(log, *steps) == [b"a", b"b", b"c", b"d", b"e", b"f"]


@pytest.mark.parametrize(
    "content",
    [
        b"new\n",
        b"new\n" * 600,  # longer than what was read before
        b"old\n" * 400,  # as it began before
    ],
)
def test_should_follow_a_log_that_was_copied_and_truncated(log: Path, content: bytes) -> None:
    # Given
    old = b"old\n" * 500
    log.write_bytes(old)

    # When
    lines = followed(log, lambda: log.write_bytes(content), writing(log, b"more\n"))

    # Then
    assert lines == (old + content + b"more\n").splitlines()


def test_should_stop_while_a_log_is_long(log: Path) -> None:
    log.write_bytes(b"\n".join(MANY))
    stop = Event()
    lines = follow(str(log), stop)
    next(lines)
    stop.set()
    assert 0 < len(list(lines)) < len(MANY) - 1


def test_should_stop_while_it_waits(log: Path) -> None:
    stop = Event()
    stop.set()
    assert not list(follow(str(log), stop))


def test_should_report_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        list(follow(str(tmp_path), Event()))
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing")
