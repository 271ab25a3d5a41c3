"""Tests of shared libraries without what no loader reads."""

import subprocess
import sys
from pathlib import Path

import hiredis.hiredis
import pytest

from build_support.containers.strip_libraries import strip

LIBRARY = Path(hiredis.hiredis.__file__)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has ELF files")
def test_should_make_a_library_that_is_smaller_and_works(tmp_path: Path) -> None:
    library = tmp_path / LIBRARY.name
    library.write_bytes(strip(LIBRARY.read_bytes()))
    assert library.stat().st_size < LIBRARY.stat().st_size / 2
    parse = "import hiredis as h; r = h.Reader(); r.feed(b'+OK\\r\\n'); print(r.gets())"
    command = [sys.executable, "-c", parse]
    answer = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert answer.stdout == "b'OK'\n"
    assert strip(library.read_bytes()) == library.read_bytes()


@pytest.mark.parametrize("text", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60)])
def test_should_leave_other_files_alone(text: bytes) -> None:
    assert strip(text) == text
