"""Tests of who may import whom, and of Pants beside a running program, in a generated clone."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from build_support.testing import daemons_stopped_at_the_end, failures, generate, write

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


@pytest.fixture(scope="module", name="repository")
def _repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("generated")
    generate(root, services=2)
    write(root / "services/s1/forbidden.py", FORBIDDEN)
    write(root / "libs/common/forbidden.py", FORBIDDEN)
    write(root / "tools/BUILD", "python_sources()\n")
    write(root / "tools/program.py", PROGRAM)
    with daemons_stopped_at_the_end(root):
        yield root


@pytest.mark.parametrize("importer", ["services/s1", "libs/common"])
def test_should_stop_at_a_forbidden_import(repository: Path, importer: str) -> None:
    # When
    run = subprocess.run(
        ["./pants", "dependencies", f"{importer}/forbidden.py"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )

    # Then
    assert run.returncode == 1
    assert "DependencyRuleActionDeniedError" in run.stderr
    assert f"python_sources {importer}/forbidden.py -> python_sources services/s0" in run.stderr


def test_should_test_while_a_program_runs(repository: Path) -> None:
    # Given
    command = ["./pants", "run", "tools/program.py"]
    with subprocess.Popen(
        command, cwd=repository, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as program:
        try:
            assert program.stdout
            assert program.stdout.readline() == "it runs\n"

            # When
            status, failed = failures(repository, "test", "libs/common/value_test.py")

            # Then
            assert program.poll() is None
        finally:
            os.killpg(program.pid, signal.SIGINT)
    assert (status, failed) == (0, set())
