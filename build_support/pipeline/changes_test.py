"""Tests of changes found in Git's output and in real clones."""

import os
from pathlib import Path

import pytest

from build_support.pipeline.changes import (
    Change,
    GitError,
    Kind,
    UnknownBase,
    changes_since,
    check_clone,
    files_that_name,
    parse_changes,
)
from build_support.testing import commit, git, write


def test_should_parse_what_git_prints() -> None:
    assert parse_changes("M\0a file\0A\0new\nline\0D\0gone\0T\0link\0") == [
        Change("a file", Kind.CHANGED),
        Change("new\nline", Kind.ADDED),
        Change("gone", Kind.DELETED),
        Change("link", Kind.CHANGED),
    ]


@pytest.fixture(name="clone")
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a clone with one commit; make it the current directory."""
    root = tmp_path / "clone"
    for name in ("kept", "edited", "gone", "old name"):
        write(root / name, f"{name}\n" * 20)
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)
    monkeypatch.chdir(root)
    return root


def test_should_see_all_kinds_of_changes(clone: Path) -> None:
    # Given
    write(clone / "edited", "edited again\n")
    (clone / "gone").unlink()
    git(clone, "mv", "old name", "new name")
    write(clone / "not tracked", "")
    write(clone / ".gitignore", "ignored\n")
    write(clone / "ignored", "")

    # When
    changes = changes_since("main")

    # Then
    assert set(map(str, changes)) == {
        "edited changed",
        "gone was deleted",
        "old name was deleted",
        "new name was added",
        "not tracked is not tracked by Git",
        ".gitignore is not tracked by Git",
    }


def test_should_compare_with_where_the_base_was_left(clone: Path) -> None:
    # Given
    git(clone, "checkout", "--quiet", "-b", "change")
    write(clone / "edited", "edited again\n")
    commit(clone)
    git(clone, "checkout", "--quiet", "main")
    write(clone / "kept", "edited on main\n")
    commit(clone)
    git(clone, "checkout", "--quiet", "change")

    # When
    changes = changes_since("main")

    # Then
    assert changes == [Change("edited", Kind.CHANGED)]


@pytest.mark.parametrize("base", ["", "0" * 40, "no-such-branch", "main:kept"])
def test_should_say_how_to_fetch_a_base_that_is_missing(clone: Path, base: str) -> None:
    with pytest.raises(UnknownBase) as caught:
        changes_since(base)
    assert clone.exists()
    assert "git fetch" in str(caught.value)


def test_should_say_that_there_is_no_common_history(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "--orphan", "unrelated")
    write(clone / "edited", "edited again\n")
    commit(clone)
    with pytest.raises(UnknownBase) as caught:
        changes_since("main")
    assert "no history in common" in str(caught.value)


def test_should_see_the_same_whatever_the_user_has_configured(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    configuration = clone.parent / "gitconfig"
    settings = {
        "diff": "relative = true\nexternal = false\nrenames = copies\nnoprefix = true",
        "color": "ui = always",
        "core": "quotePath = true\npager = false",
        "grep": "patternType = perl\ncolumn = true\nfullName = false",
        "log": "showSignature = true",
        "submodule": "recurse = true",
        "status": "showUntrackedFiles = no",
    }
    text = "".join(f"[{section}]\n{lines}\n" for section, lines in settings.items())
    write(configuration, text)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    git(clone, "mv", "old name", "né.w")
    write(clone / "edited", "a.b\n")
    write(clone / "not tracked", "axb old\n")

    # When
    changes = set(map(str, changes_since("main")))
    naming = files_that_name({"a.b", "old"})

    # Then
    assert changes == {
        "edited changed",
        "old name was deleted",
        "né.w was added",
        "not tracked is not tracked by Git",
    }
    assert sorted(naming) == ["edited", "not tracked", "né.w"]


def test_should_refuse_a_directory_that_is_no_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GitError) as caught:
        check_clone()
    assert "not a git repository" in str(caught.value)
    assert "./pants test ::" in str(caught.value)


def test_should_refuse_an_archive_inside_another_clone(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = clone / "archive"
    archive.mkdir()
    monkeypatch.chdir(archive)
    with pytest.raises(GitError) as caught:
        check_clone()
    assert "it is inside another one" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_should_say_what_git_says_of_a_clone_of_another_user(clone: Path) -> None:
    os.chown(clone, 12345, 12345)
    with pytest.raises(GitError) as caught:
        check_clone()
    assert "dubious ownership" in str(caught.value)
