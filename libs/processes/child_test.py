"""Tests that children stop when their context ends or their parent dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from libs.processes import child
from libs.processes.child import child_process
from libs.processes.testing import wait_until, wait_until_ended

# Starts a child, prints both process ids, and waits for a signal.
FAMILY = """
import os, signal, subprocess, sys
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(os.getpid(), grandchild.pid, flush=True)
signal.pause()
"""
# Runs FAMILY through child_process, in a separate process.
PARENT = """
import signal, sys
from libs.processes.child import child_process
with child_process([sys.executable, "-c", sys.argv[1]]):
    signal.pause()
"""


def family_of(output: Path) -> list[psutil.Process]:
    """Wait until FAMILY has printed its process ids; return the processes."""
    wait_until(lambda: output.read_text().endswith("\n"), "the process ids")
    return [psutil.Process(int(pid)) for pid in output.read_text().split()]


def test_should_stop_the_child_and_what_it_started(tmp_path: Path) -> None:
    # Given
    output = tmp_path / "output"
    command = [sys.executable, "-c", FAMILY.format(stubborn=False)]
    with output.open("wb") as file, child_process(command, output=file) as process:
        # When
        processes = family_of(output)
        assert processes[0].pid == process.pid

    # Then
    wait_until_ended(processes)
    assert process.returncode == -signal.SIGTERM


def test_should_kill_a_child_that_does_not_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(child, "STOP_SECONDS", 0.1)
    output = tmp_path / "output"
    command = [sys.executable, "-c", FAMILY.format(stubborn=True)]
    with output.open("wb") as file, child_process(command, output=file) as process:
        # When
        processes = family_of(output)

    # Then
    wait_until_ended(processes)
    assert process.returncode == -signal.SIGKILL


def test_should_pass_on_the_status_of_a_child_that_ends_by_itself() -> None:
    with child_process([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        process.wait()
    assert process.returncode == 3


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_should_stop_the_child_when_the_parent_is_killed(tmp_path: Path) -> None:
    # Given
    output = tmp_path / "output"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", PARENT, FAMILY.format(stubborn=False)]
    with output.open("wb") as file:
        with subprocess.Popen(command, stdout=file, env=environment) as parent:
            processes = family_of(output)

            # When
            parent.kill()

    # Then
    wait_until_ended(processes[:1])
    processes[1].kill()
