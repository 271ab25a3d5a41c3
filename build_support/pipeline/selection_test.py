"""Tests of the selection for each kind of change."""

from typing import Any

import pytest

from build_support.pipeline.changes import Change, Kind
from build_support.pipeline.plan import Plan
from build_support.pipeline.selection import (
    Target,
    decides_all,
    everything,
    names_of_what_is_gone,
    needs_pants,
    select,
)


def target(address: str, kind: str, *dependencies: str, **fields: Any) -> Target:
    """Return a target as Pants prints it; a file address is also its source."""
    path = address.split(":")[0]
    sources = {"sources": [path]} if "." in path else {}
    fixed = {"address": address, "target_type": kind, "dependencies": list(dependencies)}
    return {**fixed, **sources, **fields}


COMMON, COMMON_TEST = "libs/common/value.py", "libs/common/value_test.py:tests"
APP, APP_TEST = "services/s1/app.py", "services/s1/app_test.py:tests"
IMAGE, STACK_TEST = "services/s1:image", "compose/stack_test.py:tests"
TARGETS = [
    target(COMMON, "python_source"),
    target(COMMON_TEST, "python_test", COMMON),
    target(APP, "python_source", COMMON, "services/s1:text"),
    target(APP_TEST, "python_test", APP),
    target("services/s1:text", "resource", sources=["services/s1/text.txt"]),
    target("services/s1:own", "pex_binary", APP),
    target(IMAGE, "docker_image", "services/s1:own", sources=["services/s1/Dockerfile"]),
    target("services/s2/app.py", "python_source", COMMON),
    target("services/s2:image", "docker_image", sources=["services/s2/Dockerfile"]),
    target("compose:compose", "files", sources=["compose/compose.yaml"]),
    target(STACK_TEST, "python_test", IMAGE, "compose:compose", tags=["deployment"]),
    target("//:launcher", "shell_source", sources=["pants"]),
]


def changed(path: str) -> Change:
    """Return a change to a file."""
    return Change(path, Kind.CHANGED)


def deleted(path: str) -> Change:
    """Return the deletion of a file."""
    return Change(path, Kind.DELETED)


def test_should_select_what_changed_and_all_that_depends_on_it() -> None:
    # When
    plan = select([changed("services/s1/text.txt")], [], TARGETS)

    # Then
    assert plan == Plan(
        reasons=["services/s1/text.txt changed"],
        lint=[STACK_TEST, APP, APP_TEST, IMAGE],
        check=[STACK_TEST, APP, APP_TEST],
        test=[APP_TEST],
        package=[IMAGE],
        deployment=[STACK_TEST],
        stack=[IMAGE],
        e2e=True,
        documents=True,
    )


def test_should_select_nothing_else_for_a_test() -> None:
    plan = select([changed("services/s1/app_test.py")], [], TARGETS)
    assert (plan.lint, plan.check, plan.test) == ([APP_TEST], [APP_TEST], [APP_TEST])
    assert (plan.package, plan.deployment, plan.e2e) == ([], [], False)


def test_should_run_the_end_to_end_tests_when_the_stack_changed() -> None:
    plan = select([changed("compose/compose.yaml")], [], TARGETS)
    assert (plan.everything, plan.package, plan.test) == (False, [], [])
    assert (plan.e2e, plan.deployment, plan.stack) == (True, [STACK_TEST], [IMAGE])


def test_should_mean_a_whole_directory_by_its_build_file() -> None:
    plan = select([changed("libs/common/BUILD")], [], TARGETS)
    assert plan.test == [COMMON_TEST, APP_TEST]
    assert plan.moved_files


@pytest.mark.parametrize("path", ["services/s1/gone.py", "services/s1/below/gone.txt"])
def test_should_mean_a_directory_that_lost_a_file(path: str) -> None:
    plan = select([deleted(path)], [], TARGETS)
    assert (plan.test, plan.package) == ([APP_TEST], [IMAGE])
    assert plan.moved_files


def test_should_mean_all_below_a_directory_that_lost_its_conftest() -> None:
    assert select([deleted("services/conftest.py")], [], TARGETS).package == [
        IMAGE,
        "services/s2:image",
    ]


def test_should_mean_files_that_name_what_is_gone() -> None:
    plan = select([deleted("libs/common/gone.py")], ["services/s1/app.py", "notes"], TARGETS)
    assert APP in plan.check
    assert "services/s1/app.py may name what is gone" in plan.reasons


def test_should_not_move_files_by_an_edit() -> None:
    assert not select([changed(COMMON)], [], TARGETS).moved_files


@pytest.mark.parametrize(
    "change",
    [
        changed("services/notes.txt"),
        Change("services/notes.txt", Kind.ADDED),
        deleted("somewhere/notes.txt"),
    ],
)
def test_should_select_everything_if_no_target_owns_a_file(change: Change) -> None:
    plan = select([change], [], TARGETS)
    assert plan.everything
    assert "what it changes is unknown" in plan.reasons[0]
    assert (len(plan.test), len(plan.package), plan.workflows) == (2, 2, True)


def test_should_leave_out_what_git_does_not_track_and_no_target_owns() -> None:
    changes = [Change(f"venv/file{number}.py", Kind.UNTRACKED) for number in range(45_000)]
    plan = select([*changes, changed("services/s2/Dockerfile")], [], TARGETS)
    assert plan.package == ["services/s2:image"]
    assert plan.reasons == ["services/s2/Dockerfile changed"]


def test_should_select_what_git_does_not_track_if_a_target_owns_it() -> None:
    assert select([Change(APP, Kind.UNTRACKED)], [], TARGETS).test == [APP_TEST]


@pytest.mark.parametrize("path", ["README.md", "docs/a.svg", "build_support/README.md", "LICENSE"])
def test_should_not_need_pants_for_documentation(path: str) -> None:
    changes = [changed(path)]
    assert not needs_pants(changes)
    assert not decides_all(changes)


@pytest.mark.parametrize(
    "path",
    [
        *("pants", "pants.toml", "pants.ci.toml", ".pants.bootstrap", "pyproject.toml", ".flake8"),
        *("BUILD", "3rdparty/python/black.lock", ".ci/run", ".github/workflows/ci.yml"),
        *("build_support/pipeline/plan.py", "build_support/macros.py"),
    ],
)
def test_should_select_everything_for_what_decides_all(path: str) -> None:
    assert decides_all([changed(path)]) == [f"{path} changed, and any result may depend on it"]


def test_should_not_select_everything_for_code() -> None:
    assert decides_all([changed("services/web/app.py"), changed("services/web/BUILD")]) == []


def test_should_look_for_the_names_of_what_is_gone() -> None:
    names = names_of_what_is_gone(
        [
            deleted("libs/a/value.py"),
            changed("libs/b/BUILD"),
            deleted("libs/c/conftest.py"),
            Change("libs/d/BUILD", Kind.ADDED),
        ]
    )
    assert names == {"value", "libs/b", "libs.b", "libs/c", "libs.c"}


def test_should_list_everything() -> None:
    plan = everything(TARGETS, ["a reason"])
    assert len(plan.lint) == 9  # all but the PEX, the resource and the files
    assert (plan.everything, plan.moved_files, plan.e2e) == (True, True, True)
    assert (plan.workflows, plan.documents) == (True, True)
