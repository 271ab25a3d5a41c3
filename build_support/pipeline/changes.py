"""What changed since a commit, as Git tells it. No setting of the user changes what is seen."""

from __future__ import annotations

import enum
import subprocess
from dataclasses import dataclass


class Kind(enum.Enum):
    """What happened to a file; a renamed file was deleted, and another was added."""

    ADDED = "was added"
    CHANGED = "changed"
    DELETED = "was deleted"
    UNTRACKED = "is not tracked by Git"


@dataclass(frozen=True)
class Change:
    """What happened to one file; the path is relative to the repository's root."""

    path: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.path} {self.kind.value}"


class UnknownBase(Exception):
    """The base is no commit to compare with; the text says why and what to do."""


class GitError(Exception):
    """Git does not answer here; the text says why and what to do."""


_KINDS = {"A": Kind.ADDED, "D": Kind.DELETED}


def changes_since(base: str) -> list[Change]:
    """Return what changed between the base, where this commit left its history, and the files now.

    Files that are not committed, or not even tracked, count. Raises UnknownBase and GitError.
    """
    if not git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}"):
        raise UnknownBase(
            f"the base {base or '(none)'} is not in this clone; if it is a commit of the origin: "
            f"git fetch --filter=blob:none origin {base}"
        )
    fork = git("merge-base", base, "HEAD").strip()
    if not fork:
        raise UnknownBase(
            f"the base {base} has no history in common with this commit; in a shallow clone: "
            "git fetch --unshallow --filter=blob:none origin"
        )
    changed = git(
        *("-c", "diff.relative=false", "diff", "--name-status", "--no-renames", "--no-ext-diff"),
        *("--ignore-submodules=all", "-z", fork),
    )
    untracked = git("ls-files", "--others", "--exclude-standard", "-z")
    return [*parse_changes(changed), *(Change(path, Kind.UNTRACKED) for path in split(untracked))]


def parse_changes(output: str) -> list[Change]:
    """Return the changes that `git diff --name-status -z` has printed."""
    words = split(output)
    return [
        Change(path, _KINDS.get(kind, Kind.CHANGED)) for kind, path in zip(words[::2], words[1::2])
    ]


def files_that_name(names: set[str]) -> list[str]:
    """Return the files, tracked or not, in which one of the names stands as a word."""
    found = git(
        *("grep", "--no-color", "--no-recurse-submodules", "--untracked", "-lzFw", "-f", "-"),
        text="\n".join(sorted(names)),
    )
    return split(found)


def split(output: str) -> list[str]:
    """Return the parts of a text whose parts all end in a zero byte."""
    return output.split("\0")[:-1]


def git(*arguments: str, text: str = "") -> str:
    """Return what Git prints; nothing if its answer is no. It reads text. Raises GitError."""
    run = subprocess.run(
        ["git", *arguments], input=text, capture_output=True, encoding="utf-8", check=False
    )
    if run.returncode > 1 and arguments[0] != "rev-parse":
        raise GitError(f"git {arguments[0]} failed: {run.stderr.strip()}")
    return run.stdout


def check_clone() -> None:
    """Raise GitError unless this directory is the root of a clone that Git reads."""
    run = subprocess.run(
        ["git", "rev-parse", "--show-prefix"], capture_output=True, encoding="utf-8", check=False
    )
    if run.returncode == 0 and run.stdout == "\n":
        return
    reason = (
        run.stderr.strip().splitlines()[0] if run.stderr.strip() else "it is inside another one"
    )
    raise GitError(
        f"what changed is known only in a Git clone of one's own, and here Git says: {reason}; "
        "check all with .ci/run, or test all with ./pants test ::"
    )
