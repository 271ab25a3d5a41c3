"""Tests of who may import whom, and of Pants beside a running program, in a generated clone."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from build_support.testing import failures, write

pytestmark = pytest.mark.timeout(180)  # a daemon of Pants starts, and then another

FORBIDDEN = "from services.s0.app import ANSWER\n"
# Prints a line, then waits for a signal.
PROGRAM = "import signal\n\nprint('it runs', flush=True)\nsignal.pause()\n"


@pytest.mark.parametrize("build_file", sorted(Path("services").glob("*/BUILD")), ids=str)
def test_should_have_a_rule_for_every_service(build_file: Path) -> None:
    assert build_file.read_text().splitlines()[0] == "service()"


@pytest.mark.parametrize("build_file", sorted(Path("libs").glob("*/BUILD")), ids=str)
def test_should_have_a_rule_for_every_library(build_file: Path) -> None:
    assert build_file.read_text().splitlines()[0] == "library()"


@pytest.mark.parametrize("importer", ["services/s1", "libs/common"])
def test_should_stop_at_a_forbidden_import(generated: Path, importer: str) -> None:
    # Given
    write(generated / importer / "forbidden.py", FORBIDDEN)

    # When
    run = subprocess.run(
        ["./pants", "dependencies", f"{importer}/forbidden.py"],
        cwd=generated,
        capture_output=True,
        text=True,
        check=False,
    )

    # Then
    assert run.returncode == 1
    assert "DependencyRuleActionDeniedError" in run.stderr
    assert f"python_sources {importer}/forbidden.py -> python_sources services/s0" in run.stderr


def test_should_test_while_a_program_runs(generated: Path) -> None:
    # Given
    write(generated / "tools/BUILD", "python_sources()\n")
    write(generated / "tools/program.py", PROGRAM)
    command = ["./pants", "run", "tools/program.py"]
    with subprocess.Popen(
        command, cwd=generated, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as program:
        try:
            assert program.stdout
            assert program.stdout.readline() == "it runs\n"

            # When
            status, failed = failures(generated, "test", "libs/common/value_test.py")

            # Then
            assert program.poll() is None
        finally:
            os.killpg(program.pid, signal.SIGINT)
    assert (status, failed) == (0, set())
