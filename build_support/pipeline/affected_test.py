"""Tests of the output of affected.py for real changes, with a fake Pants."""

import json
import subprocess
from pathlib import Path

import pytest

from build_support.testing import REPOSITORY, commit, git, write

TARGETS = [
    {"address": "libs/a.py", "target_type": "python_source", "sources": ["libs/a.py"]},
    {
        "address": "libs/a_test.py:tests",
        "target_type": "python_test",
        "sources": ["libs/a_test.py"],
        "dependencies": ["libs/a.py"],
    },
]


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """Return a clone with one library, in which Pants lists TARGETS."""
    for module in (REPOSITORY / "build_support/pipeline").glob("*.py"):
        write(tmp_path / "build_support/pipeline" / module.name, module.read_text())
    (tmp_path / "build_support/pipeline/affected.py").chmod(0o755)
    write(tmp_path / "pants", f"#!/bin/sh\necho '{json.dumps(TARGETS)}'\n")
    (tmp_path / "pants").chmod(0o755)
    write(tmp_path / "libs/a.py", "")
    write(tmp_path / "README.md", "")
    write(tmp_path / ".gitignore", "__pycache__/\n")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    return tmp_path


def affected(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Run affected.py; return its exit status, output and errors."""
    run = subprocess.run(
        [root / "build_support/pipeline/affected.py", *arguments],
        cwd="/",
        capture_output=True,
        check=False,
        text=True,
    )
    return run.returncode, run.stdout, run.stderr


def test_should_say_why_in_words(root: Path) -> None:
    # Given
    write(root / "libs/a.py", "A = 1\n")

    # When
    status, output, _ = affected(root, "--base=main")

    # Then
    assert status == 0
    assert output.splitlines() == [
        "because libs/a.py changed",
        "→ lint (2): libs/a.py libs/a_test.py:tests",
        "→ check (2): libs/a.py libs/a_test.py:tests",
        "→ test (1): libs/a_test.py:tests",
        "→ package (0): nothing",
        "→ end-to-end tests: no",
        "→ workflow checks: no",
        "→ document checks: yes",
    ]


def test_should_not_start_pants_for_documentation(root: Path) -> None:
    # Given
    (root / "pants").unlink()
    git(root, "checkout", "--quiet", "-B", "main")
    commit(root)
    write(root / "README.md", "# A title\n")

    # When
    status, output, _ = affected(root, "--base=main", "--json")

    # Then
    assert status == 0
    plan = json.loads(output)
    assert plan["documents"] and not plan["everything"]
    assert plan["reasons"] == ["README.md changed"]


def test_should_say_that_nothing_changed(root: Path) -> None:
    assert affected(root, "--base=main")[1].startswith("nothing changed\n→ lint (0): nothing\n")


@pytest.mark.parametrize("base", ["", "no-such-branch"])
def test_should_list_everything_without_a_base(root: Path, base: str) -> None:
    _, output, _ = affected(root, "--base", base, "--json")
    plan = json.loads(output)
    assert plan["everything"]
    assert plan["test"] == ["libs/a_test.py:tests"]


def test_should_fail_rather_than_list_nothing_as_everything(root: Path) -> None:
    # Given
    write(root / "pants", "#!/bin/sh\necho 'a mistake in a BUILD file' >&2\nexit 1\n")

    # When
    status, output, errors = affected(root, "--base=main")

    # Then
    assert (status, output) == (1, "")
    assert errors == (
        "a mistake in a BUILD file\n"
        "affected: Pants cannot list the dependencies; its error is above\n"
    )


def test_should_plan_whatever_the_number_of_files(root: Path) -> None:
    for number in range(45_000):
        (root / f"a file with a rather long name that nobody tracks, {number}").touch()
    write(root / "libs/a.py", "A = 1\n")
    status, output, _ = affected(root, "--base=main", "--json")
    assert status == 0
    assert json.loads(output)["test"] == ["libs/a_test.py:tests"]


def test_should_refuse_an_archive_in_one_line(root: Path) -> None:
    (root / ".git").rename(root / "not git")
    status, output, errors = affected(root, "--base=main")
    assert (status, output) == (1, "")
    assert errors.startswith("affected: changes can be found only in a Git clone")
    assert errors.count("\n") == 1


def test_should_see_the_change_in_a_clone_without_old_files(root: Path, tmp_path: Path) -> None:
    # Given
    base = git(root, "rev-parse", "HEAD")
    write(root / "libs/a.py", "A = 1\n")
    commit(root)
    git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(root, "clone", "--quiet", "--filter=blob:none", root.as_uri(), str(clone))

    # When
    _, output, _ = affected(clone, "--base", base)

    # Then
    assert output.startswith("because libs/a.py changed\n")
