"""Tests that the selected checks find what a full run finds, for every kind of edit.

Compares lint, type checks and tests in a generated repository with this one's settings. All edits
take minutes, so they run nightly and when this file is named; stages.py, and so .ci/run, sets
SLOW_TESTS=some for those that differ most.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from build_support.conftest import SERVICES
from build_support.testing import commit, failures, git, plan_of

ALL_TESTS = SERVICES + 2
GOALS = ("lint", "check", "test")
APP, TEST = "services/s1/app.py", "services/s1/app_test.py"


@dataclass
class Repository:
    """A generated repository and the commit that every edit starts from."""

    root: Path
    base: str

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file."""
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))


@pytest.fixture(scope="module", name="green")
def _green(shared_repository: Path) -> None:
    for goal in GOALS:
        assert failures(shared_repository, goal, "::") == (0, set())


@pytest.fixture(name="repository")
def _repository(green: None, generated: Path) -> Repository:
    del green
    return Repository(generated, "main")


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
    repository.edit("services/s0/app.py", "ANSWER", "# a comment\nANSWER")
    commit(repository.root)
    git(repository.root, "merge", "--quiet", "--no-edit", broken)


def _change_style(repository: Repository) -> None:
    repository.edit(APP, "import VALUE\n", "import VALUE  \n")


def _change_type_of_shared_value(repository: Repository) -> None:
    repository.edit("libs/area0/value.py", "VALUE = 1 + COMMON", "VALUE: object = 1 + COMMON")


def _rename_shared_value(repository: Repository) -> None:
    repository.edit("libs/area0/value.py", "VALUE = 1", "WORTH = 1")


def _change_dockerfile(repository: Repository) -> None:
    repository.edit("services/s1/Dockerfile", "FROM scratch", "FROM debian")


def _change_tool_configuration(repository: Repository) -> None:
    repository.edit("pyproject.toml", "--strict-config", "--no-such-option")


def _change_linter_configuration(repository: Repository) -> None:
    repository.edit(".flake8", "max-line-length = 100", "max-line-length = 20")


# Each kind of breaking edit, with the largest number of tests that may be selected for it.
SOME: list[tuple[Callable[[Repository], None], int]] = [
    (_change_leaf_source, 1),
    (_change_type_of_shared_value, ALL_TESTS - 1),
    (_delete_module, ALL_TESTS),
]
OTHERS: list[tuple[Callable[[Repository], None], int]] = [
    (_change_build_file, 1),
    (_add_file, 1),
    (_delete_resource, 1),
    (_change_shared_library, ALL_TESTS),
    (_change_test, 1),
    (_change_build_file_of_library, ALL_TESTS - 1),
    (_change_resource, 1),
    (_change_style, 1),
    (_rename_shared_value, ALL_TESTS - 1),
    (_change_dockerfile, 0),
    (_add_conftest, ALL_TESTS),
    (_delete_module_that_is_imported_elsewhere, ALL_TESTS),
    (_delete_conftest, 1),
    (_rename_module, ALL_TESTS),
    (_merge_a_broken_branch, 2),
    (_change_tool_configuration, ALL_TESTS),
    (_change_linter_configuration, ALL_TESTS),
]
BREAKING = SOME if os.environ.get("SLOW_TESTS") == "some" else SOME + OTHERS


@pytest.mark.parametrize(
    ("edit", "at_most"), BREAKING, ids=[edit.__name__.strip("_") for edit, _ in BREAKING]
)
@pytest.mark.timeout(180)
def test_should_find_what_a_full_run_finds(
    repository: Repository, edit: Callable[[Repository], None], at_most: int
) -> None:
    # Given
    edit(repository)
    commit(repository.root)

    # When
    full = {goal: failures(repository.root, goal, "::") for goal in GOALS}
    try:
        plan = plan_of(repository.root, repository.base)
    except CalledProcessError:
        plan = None  # without a plan, CI fails

    # Then
    assert any(status for status, _ in full.values())
    if plan is None:
        return
    assert len(plan["test"]) <= at_most
    for goal, (status, failed) in full.items():
        if status:
            selected_status, selected = failures(repository.root, goal, *plan[goal])
            assert selected_status
            assert failed <= selected, goal
