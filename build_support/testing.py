"""Generate repositories of any size with this one's build, for tests and benchmarks.

Their services are tiny, so tests and benchmarks exercise the build and not the code.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

SERVICES_PER_LIBRARY = 5
"""How many services share a library; all services share libs/common."""

# The files of this repository that Pants and the pipeline read.
_COPIED = (
    *("pants", ".pants.bootstrap", "pants.toml", "pyproject.toml", ".flake8"),
    *("3rdparty", "build_support/lib.sh", "build_support/macros.py", "build_support/pipeline"),
)

_ROOT = """\
__defaults__({(python_test, python_tests, python_test_utils): dict(skip_bandit=True)})
"""
_LIBRARY = """\
library()

python_sources()

python_tests(
    name="tests",
)
"""
_SERVICE = """\
service()

python_sources(
    dependencies=[":text"],  # read as a file
)

resource(
    name="text",
    source="text.txt",
)

python_test_utils(
    name="test_utils",
)

python_tests(
    name="tests",
)

docker_image(
    name="image",
)

pex_binary(
    name="own",
    dependencies=["services/{name}"],
)
"""
_COMPOSE = """\
files(
    sources=["*.yaml"],
)

python_tests(
    name="tests",
    dependencies=[":compose"],
    runtime_package_dependencies=["services/s0:image"],
    skip_tests=not env("STACK_TESTS"),
    tags=["deployment"],
)
"""
_APP = '''\
"""A service: adds what its library and its text are worth."""

from pathlib import Path

from libs.{library}.value import VALUE

TEXT = (Path(__file__).parent / "text.txt").read_text()
ANSWER = VALUE + len(TEXT)
'''
_APP_CONFTEST = '''\
"""The fixtures of the service's tests."""

import pytest


@pytest.fixture
def answer() -> int:
    """Return the answer."""
    return 7
'''
_APP_TEST = '''\
"""The service answers."""

from services.{name}.app import ANSWER


def test_should_answer(answer: int) -> None:
    assert ANSWER == answer
'''
_VALUE_TEST = '''\
"""The value is right."""

from libs.{name}.value import VALUE


def test_should_be_right() -> None:
    assert VALUE == {value}
'''
_STACK_TEST = '''\
"""The stack runs."""


def test_should_pass() -> None:
    pass
'''


def generate(root: Path, services: int) -> None:
    """Write a repository with this number of services into root and commit it."""
    for name in _COPIED:
        copied = root / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, copied, ignore=_ignored)
        else:
            shutil.copy(REPOSITORY / name, copied)
    write(root / ".gitignore", ".cache/\n.pants.d/\n.pids/\n.pytest_tmp/\n__pycache__/\ndist/\n")
    write(root / "BUILD", _ROOT)
    _write_library(root, "common", [])
    for number in range(services):
        library = f"area{number // SERVICES_PER_LIBRARY}"
        if not (root / "libs" / library).exists():
            _write_library(root, library, ["common"])
        _write_service(root, f"s{number}", library)
    write(root / "compose/BUILD", _COMPOSE)
    write(root / "compose/compose.yaml", "services: {}\n")
    write(root / "compose/stack_test.py", _STACK_TEST)
    write(root / "docs/guide.md", "# Guide\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)


def git(root: Path, *arguments: str) -> str:
    """Run Git in root without the user's configuration; return its output."""
    environment = dict(os.environ, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
    identity = ("-c", "user.name=us", "-c", "user.email=us@host.example")
    return subprocess.run(
        ["git", *identity, *arguments],
        cwd=root,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()


def commit(root: Path) -> str:
    """Commit everything in root; return the commit."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message=change")
    return git(root, "rev-parse", "HEAD")


def write(file: Path, text: str) -> None:
    """Write a file and create its parent directories."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def plan_of(root: Path, base: str) -> dict[str, Any]:
    """Return the plan of affected.py. Raises CalledProcessError if it fails."""
    command = ["build_support/pipeline/affected.py", "--base", base, "--json"]
    decided = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(decided.stdout))


def failures(root: Path, goal: str, *addresses: str) -> tuple[int, set[str]]:
    """Run a goal of Pants; return its exit status and the tools or tests that failed."""
    run = subprocess.run(
        ["./pants", goal, *addresses], cwd=root, check=False, stderr=subprocess.PIPE, text=True
    )
    print(run.stderr)  # shown if the test fails
    return run.returncode, set(re.findall(r"^✕ (\S+) failed", run.stderr, re.MULTILINE))


@contextmanager
def daemons_stopped_at_the_end(root: Path) -> Iterator[None]:
    """Stop all Pants daemons of root when the context ends."""
    try:
        yield
    finally:
        for pid_file in root.glob(".pids/**/pantsd/pid"):
            _kill(int(pid_file.read_text(encoding="utf-8")))


def _ignored(directory: str, names: list[str]) -> set[str]:
    """Return the files of a directory not to copy; generated code has its own targets and tests."""
    code = "build_support" in Path(directory).parts
    return {n for n in names if n == "__pycache__" or code and n.endswith(("BUILD", "_test.py"))}


def _kill(process_id: int) -> None:
    """Kill a process that is not our child; wait at most 5 s until it has ended."""
    deadline = time.monotonic() + 5
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(process_id, signal.SIGKILL)
            time.sleep(0.02)


def _write_library(root: Path, name: str, imports: list[str]) -> None:
    directory = root / "libs" / name
    lines = [f"from libs.{module}.value import VALUE as {module.upper()}\n" for module in imports]
    terms = " + ".join(["1", *map(str.upper, imports)])
    code = "".join(['"""What the library is worth."""\n\n', *lines, "\n" * bool(lines)])
    write(directory / "BUILD", _LIBRARY)
    write(directory / "value.py", f"{code}VALUE = {terms}\n")
    write(directory / "value_test.py", _VALUE_TEST.format(name=name, value=1 + len(imports)))


def _write_service(root: Path, name: str, library: str) -> None:
    directory = root / "services" / name
    write(directory / "BUILD", _SERVICE.format(name=name))
    write(directory / "text.txt", "seen\n")
    write(directory / "app.py", _APP.format(library=library))
    write(directory / "conftest.py", _APP_CONFTEST)
    write(directory / "app_test.py", _APP_TEST.format(name=name))
    write(directory / "Dockerfile", f"FROM scratch\nCOPY services.{name}/own.pex /own.pex\n")
