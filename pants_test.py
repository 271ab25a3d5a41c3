"""Tests that the launcher ./pants installs Pants once, on all kinds of machines."""

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pants_testing import PYTHON, Machine, make_machine, with_pythons

# Replaces the module venv, which takes seconds, by copying a prepared environment.
VENV = """
import shutil, sys
from pathlib import Path
if __name__ == "__main__":
    template = Path(__file__).with_name("%d.%d" % sys.version_info[:2])
    shutil.copytree(template, sys.argv[1], symlinks=True)
"""

PIP_CONFIG = """
[global]
find-links = {index}
require-virtualenv = true
quiet = 3
[install]
user = true
target = {target}
no-deps = true
dry-run = true
constraint = {target}
"""


@dataclass
class FirstRun:
    """The results of a first run of the launcher, and of a second run without network."""

    install: Path
    first: tuple[int, str, list[str]]
    second: tuple[int, str, list[str]]


def wait_until_installing(machine: Machine) -> None:
    """Wait until an install has begun; fail after 20 s."""
    deadline = time.monotonic() + 20
    while not list(machine.cache.glob("staging.*/venv/bin/python")):
        assert time.monotonic() < deadline, "still not installing after 20 s"
        time.sleep(0.02)


@pytest.fixture(name="templates", scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the stand-in for the module venv."""
    directory = tmp_path_factory.mktemp("templates")
    (directory / "venv.py").write_text(VENV)
    commands = [
        [str(python), "-m", "venv", str(directory / name.removeprefix("python"))]
        for name, python in PYTHON.items()
    ]
    with subprocess.Popen(commands[0]) as first, subprocess.Popen(commands[1]) as second:
        assert (first.wait(), second.wait()) == (0, 0)
    return directory


@pytest.fixture(name="bare_machine")
def _bare_machine(tmp_path: Path, templates: Path) -> Machine:
    """Return a machine without Python."""
    machine = make_machine(tmp_path)
    machine.environment["PYTHONPATH"] = str(templates)
    return machine


@pytest.fixture(name="machine")
def _machine(bare_machine: Machine) -> Machine:
    """Return a machine with the Pythons that the launcher looks for."""
    return with_pythons(bare_machine)


@pytest.fixture(name="first_run", scope="session")
def _first_run(tmp_path_factory: pytest.TempPathFactory, templates: Path) -> FirstRun:
    """Return a finished install, for all tests that are not about installing."""
    machine = with_pythons(make_machine(tmp_path_factory.mktemp("first_run")))
    machine.environment["PYTHONPATH"] = str(templates)
    first = machine.run("test", "::")
    shutil.rmtree(machine.index)
    second = machine.run("lint", "services/web:")
    return FirstRun(next(machine.cache.iterdir()), first, second)


def test_should_install_once_and_then_be_silent_without_network(first_run: FirstRun) -> None:
    assert first_run.first == (
        0,
        "test ::\n",
        [
            f"pants: first run: installing Pants 2.17.1 on {PYTHON['python3.9']}, "
            f"for code on {PYTHON['python3.11']}",
            "pants: building the tools that Pants would fetch from GitHub",
        ],
    )
    assert first_run.second == (0, "lint services/web:\n", [])


@pytest.mark.parametrize("name", ["josé", "my home", "a'b & (c)", "100%", "#x", "?"])
def test_should_work_in_any_home(machine: Machine, first_run: FirstRun, name: str) -> None:
    # Given
    machine.home = machine.root / name
    machine.cache.mkdir(parents=True)
    (machine.cache / first_run.install.name).symlink_to(first_run.install)

    # When
    url, caches = machine.exports("PANTS_PEX_CLI_URL_TEMPLATE PANTS_NAMED_CACHES_DIR", "list")

    # Then
    tool = Path(url.removeprefix("file://"))
    link = tool.parent.parent
    assert re.fullmatch(r"[\w/.~+-]+", str(tool), re.ASCII)
    assert tool.samefile(first_run.install / "bin/pex")
    assert (" " in name) == (caches == f"{link.parent}/named_caches")
    link.unlink()


def test_should_follow_of_the_configuration_of_pip_only_the_index(machine: Machine) -> None:
    # Given
    config = machine.home / ".config/pip/pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text(PIP_CONFIG.format(index=machine.index, target=machine.root / "target"))
    del machine.environment["PIP_CONFIG_FILE"], machine.environment["PIP_FIND_LINKS"]
    machine.environment |= {"PIP_USER": "1", "PIP_PREFIX": str(machine.root / "prefix")}

    # When
    status, output, errors = machine.run("--version")

    # Then
    assert (status, output, len(errors)) == (0, "--version\n", 2), errors
    assert not (machine.root / "target").exists()


def test_should_say_that_the_configuration_of_pip_cannot_be_read(machine: Machine) -> None:
    # Given
    config = machine.root / "pip.conf"
    config.write_text("no section")
    machine.environment["PIP_CONFIG_FILE"] = str(config)

    # When
    status, _, errors = machine.run("--version")

    # Then
    assert status == 1
    assert errors[-1].startswith("pants: please mend the configuration of pip: ERROR: ")
    assert str(config) in errors[-1]


def test_should_leave_nothing_behind_when_interrupted(machine: Machine) -> None:
    process = machine.start("--version")
    wait_until_installing(machine)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert machine.installs() == []


def test_should_allow_two_first_runs_at_once_after_one_was_killed(machine: Machine) -> None:
    # Given
    killed = machine.start("--version")
    wait_until_installing(machine)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    left_behind = machine.installs()

    # When
    runs = [machine.start(goal) for goal in ("lint", "test")]
    outputs = [run.communicate()[0] for run in runs]

    # Then
    assert left_behind == [f"staging.{killed.pid}"]
    assert outputs == ["lint\n", "test\n"]
    (install,) = machine.installs()
    assert install.startswith("pants-2.17.1-")


def test_should_refuse_a_wrong_hash(machine: Machine) -> None:
    # Given
    with next(machine.index.glob("pex-*")).open("ab") as wheel:
        wheel.write(b"tampered with")

    # When
    status, output, errors = machine.run("--version")

    # Then
    assert (status, output) == (1, "")
    assert errors[-1].startswith(
        "pants: nothing was installed: a download does not match its hash in "
        "3rdparty/python/pants.lock: pex==2.1.137 from file:"
    )
    assert len(errors) == 2
    assert machine.installs() == []


def test_should_say_that_the_index_is_out_of_reach(machine: Machine) -> None:
    # Given
    shutil.rmtree(machine.index)

    # When
    status, output, errors = machine.run("--version")

    # Then
    assert (status, output) == (1, "")
    assert errors[-1].startswith(
        "pants: cannot install 3rdparty/python/pants.lock. Is the package index reachable? "
        "pip says: ERROR: "
    )
    assert len(errors) == 2
    assert machine.installs() == []


def test_should_say_that_there_is_no_python(bare_machine: Machine) -> None:
    status, output, errors = bare_machine.run("--version")
    assert (status, output) == (1, "")
    assert errors == ["pants: there is no Python here: please install CPython 3.11"]
    assert bare_machine.installs() == []


def test_should_obtain_a_missing_python_through_uv(bare_machine: Machine) -> None:
    # Given
    bare_machine.put_on_path("python3", PYTHON["python3.11"])

    # When
    status, output, errors = bare_machine.run("--version")

    # Then
    assert (status, output) == (0, "--version\n")
    assert errors[:2] == [
        "pants: installing uv to obtain CPython 3.9",
        "pants: downloading CPython 3.9",
    ]
    assert (bare_machine.cache / "python/cpython-3.9.1").is_dir()


def test_should_say_that_uv_cannot_download_python(bare_machine: Machine) -> None:
    # Given
    bare_machine.put_on_path("python3.11", PYTHON["python3.11"])
    script = "#!/usr/bin/env bash\necho 'error: no network' >&2 && exit 2\n"
    bare_machine.put_on_path("uv", script)

    # When
    status, output, errors = bare_machine.run("--version")

    # Then
    assert (status, output) == (1, "")
    assert errors == [
        "pants: downloading CPython 3.9",
        "pants: please install CPython 3.9: it is neither on PATH nor in pyenv, "
        "and uv cannot download it: error: no network",
    ]
    assert bare_machine.installs() == []
