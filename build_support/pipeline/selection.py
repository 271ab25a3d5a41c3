"""Select what a change can break from the changes and the targets of Pants, in pure functions.

A target is "meant" if one of its files changed or may depend on a deleted file. Meant targets and
their direct and indirect dependents are affected: linted, type-checked, tested and packaged.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from build_support.pipeline.changes import Change, Kind
from build_support.pipeline.documentation import is_documentation
from build_support.pipeline.plan import Plan

# These files can change the result of any target, or the selection itself.
_DECIDES_ALL = re.compile(
    r"\.ci/.*|\.github/.*|3rdparty/.*|build_support/.*"
    r"|BUILD|pants|pants[^/]*\.toml|\.pants\.bootstrap|pyproject\.toml|\.flake8"
)

# These files affect no result.
_DECIDES_NOTHING = re.compile(r"LICENSE|\.editorconfig|\.gitignore|\.gitattributes")

_PYTHON = {"python_source", "python_test"}
_LINTED = _PYTHON | {"docker_image", "shell_source"}

# The tag of tests that need the containers.
_DEPLOYMENT = "deployment"

# These files affect every module below their directory.
_FOR_ALL_BELOW = {"__init__.py", "conftest.py"}

Target = dict[str, Any]
"""A target from `pants peek`: its address, target_type, tags, sources and dependencies."""


def needs_pants(changes: Iterable[Change]) -> bool:
    """Return whether any of the changes can affect a target."""
    return not all(_has_no_effect(change.path) for change in changes)


def decides_all(changes: Iterable[Change]) -> list[str]:
    """Return why everything has to be checked regardless of the targets: one reason per file."""
    return [
        f"{change}, and any result may depend on it"
        for change in changes
        if _DECIDES_ALL.fullmatch(change.path) and not is_documentation(change.path)
    ]


def names_of_what_is_gone(changes: Iterable[Change]) -> set[str]:
    """Return the words by which other files may name what the changes removed.

    Pants knows the dependents of a file only while the file exists. Dependents of a deleted file
    must contain its module's name, or for a BUILD file and the like, its directory.
    """
    names = set()
    for change in changes:
        path = PurePosixPath(change.path)
        if change.kind in (Kind.ADDED, Kind.UNTRACKED):
            continue  # nothing is gone
        if _speaks_for_its_directory(change):
            names |= {str(path.parent), str(path.parent).replace("/", ".")}
        elif change.kind is Kind.DELETED and not _has_no_effect(change.path):
            names.add(path.stem)
    return names


def select(changes: list[Change], naming: Iterable[str], targets: list[Target]) -> Plan:
    """Return the plan for the changes.

    naming lists the files that name something deleted; targets lists all targets of the repository.
    If a tracked file without a target changed, its effect is unknown and the plan is everything.
    """
    owned = {source for target in targets for source in target.get("sources") or []}
    directories = {_directory_of(target) for target in targets}
    unknown = [
        f"{change} and belongs to no target, so what it changes is unknown"
        for change in changes
        if change.kind in (Kind.ADDED, Kind.CHANGED)
        and change.path not in owned
        and not _is_build_file(change.path)
        and not _has_no_effect(change.path)
    ]
    unknown += [
        f"{change}, and no target near it may have owned it, so what it changes is unknown"
        for change in changes
        if change.kind is Kind.DELETED
        and not _is_build_file(change.path)
        and not _has_no_effect(change.path)
        and not _nearest(directories, change.path)
    ]
    if unknown:
        return everything(targets, unknown)
    shipped = [c for c in changes if c.kind is not Kind.UNTRACKED or c.path in owned]
    changed = {change.path for change in shipped}
    naming = [file for file in naming if file in owned and file not in changed]
    files = changed.union(naming)
    whole = _directories_meant(shipped, directories)
    meant = [
        target
        for target in targets
        if files.intersection(target.get("sources") or []) or _directory_of(target) in whole
    ]
    return _plan_of(
        _with_dependents(meant, targets),
        targets,
        reasons=[*map(str, shipped), *(f"{file} may name what is gone" for file in naming)],
        moved_files=any(c.kind is not Kind.CHANGED or _is_build_file(c.path) for c in shipped),
        documents=bool(changes),
    )


def everything(targets: list[Target], reasons: list[str]) -> Plan:
    """Return the plan for all targets and all other checks."""
    return _plan_of(
        targets,
        targets,
        everything=True,
        reasons=reasons,
        moved_files=True,
        workflows=True,
        documents=True,
    )


def _plan_of(affected: list[Target], targets: list[Target], **fields: Any) -> Plan:
    """Return a plan with the affected targets listed under their goals."""
    addresses: dict[str, Any] = defaultdict(list)
    for target in sorted(affected, key=lambda target: str(target["address"])):
        for goal in _goals_of(target):
            addresses[goal].append(target["address"])
    e2e = bool(addresses["package"] or addresses["deployment"])
    if e2e:
        addresses["stack"] = _images_of_the_stack(targets)
    return Plan(**addresses, e2e=e2e, **fields)


def _images_of_the_stack(targets: list[Target]) -> list[str]:
    """Return the images that deployment tests depend on."""
    images = {t["address"] for t in targets if t["target_type"] == "docker_image"}
    tests = [target for target in targets if "deployment" in _goals_of(target)]
    return sorted(images.intersection(d for t in tests for d in t.get("dependencies") or []))


def _goals_of(target: Target) -> Iterable[str]:
    """Yield the names of the plan's lists that the target belongs to."""
    kind = target["target_type"]
    if kind in _LINTED:
        yield "lint"
    if kind in _PYTHON:
        yield "check"
    if kind == "python_test":
        yield "deployment" if _DEPLOYMENT in (target.get("tags") or []) else "test"
    if kind == "docker_image":
        yield "package"


def _with_dependents(meant: list[Target], targets: list[Target]) -> list[Target]:
    """Return the meant targets and all their direct and indirect dependents."""
    dependents = defaultdict(list)
    for target in targets:
        for dependency in target.get("dependencies") or []:
            dependents[dependency].append(target["address"])
    found: set[str] = set()
    to_visit = [target["address"] for target in meant]
    while to_visit:
        address = to_visit.pop()
        if address not in found:
            found.add(address)
            to_visit += dependents[address]
    return [target for target in targets if target["address"] in found]


def _directories_meant(changes: list[Change], directories: set[str]) -> set[str]:
    """Return those of the directories whose targets are all affected by a change."""
    meant = set()
    for change in changes:
        if _speaks_for_its_directory(change):
            above = f"{PurePosixPath(change.path).parent}/"
            meant |= {each for each in directories if f"{each}/".startswith(above)}
        elif change.kind is Kind.DELETED:
            meant.add(_nearest(directories, change.path))
    return meant


def _nearest(directories: set[str], path: str) -> str:
    """Return the nearest of the directories above path, or "" if there is none."""
    return next((str(d) for d in PurePosixPath(path).parents if str(d) in directories), "")


def _directory_of(target: Target) -> str:
    """Return the directory of a target's BUILD file, "" for the root."""
    path = re.split("[:#]", target["address"].removeprefix("//"))[0]
    return path.rpartition("/")[0] if path in (target.get("sources") or []) else path


def _speaks_for_its_directory(change: Change) -> bool:
    name = PurePosixPath(change.path).name
    return name == "BUILD" or (change.kind is Kind.DELETED and name in _FOR_ALL_BELOW)


def _is_build_file(path: str) -> bool:
    return PurePosixPath(path).name == "BUILD"


def _has_no_effect(path: str) -> bool:
    return is_documentation(path) or bool(_DECIDES_NOTHING.fullmatch(path))
