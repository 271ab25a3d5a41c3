"""Whatever a full run would find, the selected run finds too, for every kind of edit."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.generated import commit, generate, git

NOTHING: dict[str, Any] = {
    "everything": False,
    "lint": [],
    "check": [],
    "test": [],
    "package": [],
    "e2e": False,
}
SERVICES = 4
APP, TEST = "services/s1/app.py", "services/s1/app_test.py"
LOCK = "3rdparty/python/requirements.lock"
ALL_TESTS = SERVICES + 2


@dataclass
class Repository:
    """A generated repository, and the commit that every edit starts from."""

    root: Path
    base: str

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file."""
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))

    def plan(self, base: str | None = None) -> dict[str, Any]:
        """What .ci/affected decides."""
        command = [".ci/affected", "--base", self.base if base is None else base, "--json"]
        run = subprocess.run(command, cwd=self.root, check=True, stdout=subprocess.PIPE)
        return dict(json.loads(run.stdout))

    def test(self, *addresses: str) -> tuple[int, set[str]]:
        """Run tests; return the exit status, and which failed if Pants came so far."""
        run = subprocess.run(
            ["./pants", "test", *addresses],
            cwd=self.root,
            check=False,
            stderr=subprocess.PIPE,
            text=True,
        )
        return run.returncode, set(re.findall(r"^✕ (\S+) failed", run.stderr, re.MULTILINE))


@contextmanager
def daemon_stopped_at_the_end(root: Path) -> Iterator[None]:
    """Leave no daemon of Pants behind."""
    try:
        yield
    finally:
        for pid_file in root.glob(".pids/*/pantsd/pid"):
            daemon = psutil.Process(int(pid_file.read_text()))
            daemon.kill()
            daemon.wait(5)


@pytest.fixture(scope="session", name="generated")
def _generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    root = tmp_path_factory.mktemp("generated")
    generate(root, SERVICES)
    repository = Repository(root, git(root, "rev-parse", "HEAD"))
    with daemon_stopped_at_the_end(root):
        assert repository.test("::") == (0, set())
        yield repository


@pytest.fixture(name="repository")
def _repository(generated: Repository) -> Repository:
    """The generated repository as it was generated."""
    git(generated.root, "checkout", "--quiet", "--force", "-B", "change", generated.base)
    git(generated.root, "clean", "--quiet", "--force", "-d")
    return generated


def _change_leaf_source(repository: Repository) -> None:
    repository.edit(APP, "VALUE + ", "")


def _change_shared_library(repository: Repository) -> None:
    repository.edit("libs/common/value.py", "1", "2")


def _change_test(repository: Repository) -> None:
    repository.edit(TEST, "==", "!=")


def _change_build_file(repository: Repository) -> None:
    repository.edit("services/s1/BUILD", 'dependencies=[":text"],', "")


def _change_build_file_of_library(repository: Repository) -> None:
    repository.edit("libs/area0/BUILD", "python_sources()", "")


def _change_resource(repository: Repository) -> None:
    repository.edit("services/s1/text.txt", "seen", "unseen")


def _add_file(repository: Repository) -> None:
    (repository.root / "services/s1/new_test.py").write_text("def test_should_fail(): assert 0\n")


def _add_conftest(repository: Repository) -> None:
    (repository.root / "libs/common/conftest.py").write_text("raise ValueError\n")
    repository.edit(
        "libs/common/BUILD", "python_sources()", "python_sources()\npython_test_utils(name='u')"
    )


def _delete_module(repository: Repository) -> None:
    (repository.root / "libs/area0/value.py").unlink()


def _delete_module_that_is_imported_elsewhere(repository: Repository) -> None:
    (repository.root / "libs/common/value.py").unlink()
    (repository.root / "libs/common/value_test.py").unlink()
    repository.edit("libs/common/BUILD", "python_sources()", "")
    repository.edit("libs/common/BUILD", 'python_tests(\n    name="tests",\n)', "")


def _delete_conftest(repository: Repository) -> None:
    (repository.root / "services/s1/conftest.py").unlink()
    repository.edit("services/s1/BUILD", 'python_test_utils(\n    name="test_utils",\n)', "")


def _delete_resource(repository: Repository) -> None:
    (repository.root / "services/s1/text.txt").unlink()


def _rename_module(repository: Repository) -> None:
    git(repository.root, "mv", "libs/area0/value.py", "libs/area0/worth.py")


def _merge_a_broken_branch(repository: Repository) -> None:
    _change_leaf_source(repository)
    broken = commit(repository.root)
    git(repository.root, "checkout", "--quiet", "-B", "change", repository.base)
    repository.edit("services/s2/app.py", "ANSWER", "# a comment\nANSWER")
    commit(repository.root)
    git(repository.root, "merge", "--quiet", "--no-edit", broken)


def _change_tool_configuration(repository: Repository) -> None:
    repository.edit("pyproject.toml", "--strict-config", "--no-such-option")


# For each kind of edit that breaks something, how many of all tests may be selected at most.
BREAKING: list[tuple[Callable[[Repository], None], int]] = [
    (_change_leaf_source, 1),
    (_change_shared_library, ALL_TESTS),
    (_change_test, 1),
    (_change_build_file, 1),
    (_change_build_file_of_library, ALL_TESTS - 1),
    (_change_resource, 1),
    (_add_file, 1),
    (_add_conftest, ALL_TESTS),
    (_delete_module, ALL_TESTS),
    (_delete_module_that_is_imported_elsewhere, ALL_TESTS),
    (_delete_conftest, 1),
    (_delete_resource, 1),
    (_rename_module, ALL_TESTS),
    (_merge_a_broken_branch, 2),
    (_change_tool_configuration, ALL_TESTS),
]


@pytest.mark.parametrize(
    ("edit", "at_most"), BREAKING, ids=[edit.__name__.strip("_") for edit, _ in BREAKING]
)
@pytest.mark.timeout(120)
def test_should_find_what_a_full_run_finds(
    repository: Repository, edit: Callable[[Repository], None], at_most: int
) -> None:
    # Given
    edit(repository)
    commit(repository.root)

    # When
    plan = repository.plan()

    # Then
    selected = ["::"] if plan["everything"] else plan["test"]
    status, failed = repository.test("::")
    assert status != 0
    assert failed <= set(plan["test"])
    if not failed:  # Pants did not come so far as to test
        assert repository.test(*selected)[0] != 0
    assert len(plan["test"]) <= at_most


def test_should_select_nothing_when_nothing_changed(repository: Repository) -> None:
    # When
    plan = repository.plan()

    # Then
    assert plan == NOTHING | {"reasons": []}


def test_should_select_nothing_for_documentation(repository: Repository) -> None:
    # Given
    (repository.root / "docs/guide.md").write_text("# A better guide\n")
    (repository.root / "README.md").write_text("# Generated\n")

    # When
    plan = repository.plan()

    # Then
    assert plan == NOTHING | {"reasons": ["docs/guide.md changed", "README.md was added"]}


def test_should_package_an_image_whose_dockerfile_changed(repository: Repository) -> None:
    # Given
    repository.edit("services/s1/Dockerfile", "own.pex /own.pex", "own.pex /app.pex")

    # When
    plan = repository.plan()

    # Then
    image = ["services/s1:image"]
    assert (plan["lint"], plan["package"], plan["test"], plan["e2e"]) == (image, image, [], True)


def test_should_run_the_end_to_end_tests_when_the_stack_changed(repository: Repository) -> None:
    # Given
    repository.edit("compose/compose.yaml", "services", "# The stack\nservices")

    # When
    plan = repository.plan()

    # Then
    assert (plan["everything"], plan["package"], plan["test"], plan["e2e"]) == (False, [], [], True)


def test_should_not_miss_a_deleted_test(repository: Repository) -> None:
    # Given
    (repository.root / TEST).unlink()
    repository.edit("services/s1/BUILD", 'python_tests(\n    name="tests",\n)', "")

    # When
    plan = repository.plan()

    # Then
    assert not plan["everything"]
    assert plan["test"] == []
    assert "services/s1/app.py" in plan["lint"]


@pytest.mark.parametrize("path", ["services/notes.txt", ".ci/script", "pants.ci.toml", LOCK])
def test_should_select_everything_if_nobody_knows_what_a_file_changes(
    repository: Repository, path: str
) -> None:
    # Given
    with (repository.root / path).open("a") as file:
        file.write("# a comment\n")

    # When
    plan = repository.plan()

    # Then
    assert plan["everything"]
    assert len(plan["test"]) == ALL_TESTS
    assert len(plan["package"]) == SERVICES


@pytest.mark.parametrize("base", ["", "0" * 40, "no-such-branch"])
def test_should_select_everything_without_a_base(repository: Repository, base: str) -> None:
    # When
    plan = repository.plan(base)

    # Then
    assert plan["everything"]
    assert "git fetch" in plan["reasons"][0]


def test_should_select_everything_without_a_common_history(repository: Repository) -> None:
    # Given
    git(repository.root, "checkout", "--quiet", "--orphan", "unrelated")
    unrelated = commit(repository.root)
    git(repository.root, "checkout", "--quiet", "--force", "-B", "change", repository.base)

    # When
    plan = repository.plan(unrelated)

    # Then
    assert plan["everything"]
    assert "no history in common" in plan["reasons"][0]


def test_should_see_the_change_in_a_clone_without_old_files(
    repository: Repository, tmp_path: Path
) -> None:
    # Given
    (repository.root / "pants").write_text("#!/bin/sh\necho $* >&2\n")
    base = commit(repository.root)
    _change_leaf_source(repository)
    commit(repository.root)
    git(repository.root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    url = repository.root.as_uri()
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", "--branch=change", url, str(clone))

    # When
    decided = subprocess.run(
        [".ci/affected", "--base", base], cwd=clone, check=False, stderr=subprocess.PIPE, text=True
    )

    # Then
    assert decided.stderr.startswith(f"dependents --transitive --closed {APP}\n")


def test_should_say_why_in_words(repository: Repository) -> None:
    # Given
    _change_leaf_source(repository)

    # When
    words = subprocess.run(
        [".ci/affected", "--base", "HEAD"],
        cwd=repository.root,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout

    # Then
    assert words.splitlines() == [
        "because services/s1/app.py changed",
        "→ lint (1): services/s1/app.py",
        "→ check (2): services/s1/app.py services/s1/app_test.py:tests",
        "→ test (1): services/s1/app_test.py:tests",
        "→ package (1): services/s1:image",
        "→ end-to-end tests: yes",
    ]
