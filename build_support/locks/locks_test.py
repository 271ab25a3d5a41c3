"""Tests that every requirements file agrees with its lock."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = Path("3rdparty/python")
REMEDY = "please run build_support/locks/make_locks.sh"


def requirements(path: Path) -> dict[str, Requirement]:
    """Return the requirements in a file, by name."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    parsed = [Requirement(line) for line in lines if line]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def entries(lock: Path) -> list[str]:
    """Return the entries of a lock, each with its hashes and the comment on its origin."""
    return re.split(r"^(?=[a-z])", lock.read_text(), flags=re.MULTILINE)[1:]


def pinned(entry: str) -> tuple[str, str]:
    """Return the name and the exact version of an entry."""
    requirement = Requirement(entry.split("\\")[0])
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return canonicalize_name(requirement.name), specifier.version


names = pytest.mark.parametrize("name", sorted(path.stem for path in LOCKS.glob("*.txt")))


@names
def test_should_lock_what_is_required_and_nothing_else(name: str) -> None:
    # Given
    required = requirements(LOCKS / f"{name}.txt")

    # When
    locked = defaultdict(set)
    for entry in entries(LOCKS / f"{name}.lock"):
        if re.search(rf"^ +#.* -r {name}\.txt$", entry, flags=re.MULTILINE):
            package, version = pinned(entry)
            locked[package].add(version)

    # Then
    assert locked.keys() == required.keys(), REMEDY
    for package, versions in locked.items():
        assert all(map(required[package].specifier.contains, versions)), REMEDY


@names
def test_should_pin_by_hash_and_name_no_index(name: str) -> None:
    lock = LOCKS / f"{name}.lock"
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry) for entry in entries(lock))
    assert "://" not in lock.read_text()


def test_should_have_a_lock_for_every_requirements_file() -> None:
    required = {path.stem for path in LOCKS.glob("*.txt")}
    locked = {path.stem for path in LOCKS.glob("*.lock")}
    assert required == locked != set()
