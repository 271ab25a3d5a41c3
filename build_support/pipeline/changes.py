"""Find what changed since a commit with Git, regardless of the user's settings."""

from __future__ import annotations

import enum
import subprocess
from dataclasses import dataclass


class Kind(enum.Enum):
    """What happened to a file. A rename is a deletion and an addition."""

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
    """The base cannot be compared with; the message says why and what to do."""


class GitError(Exception):
    """Git failed; the message says why and, if possible, what to do."""


_KINDS = {"A": Kind.ADDED, "D": Kind.DELETED}


def changes_since(base: str) -> list[Change]:
    """Return what changed between the merge base of base and HEAD and the current files.

    Includes uncommitted and untracked files. Raises UnknownBase and GitError.
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
    """Return the changes in the output of `git diff --name-status -z`."""
    words = split(output)
    return [
        Change(path, _KINDS.get(kind, Kind.CHANGED)) for kind, path in zip(words[::2], words[1::2])
    ]


def files_that_name(names: set[str]) -> list[str]:
    """Return the files, tracked or not, that contain one of the names as a word."""
    found = git(
        *("grep", "--no-color", "--no-recurse-submodules", "--untracked", "-lzFw", "-f", "-"),
        text="\n".join(sorted(names)),
    )
    return split(found)


def split(output: str) -> list[str]:
    """Return the parts of a text, each of which ends in a zero byte."""
    return output.split("\0")[:-1]


def git(*arguments: str, text: str = "") -> str:
    """Run Git with text as its input; return its output. Raises GitError for a status above 1."""
    run = subprocess.run(
        ["git", *arguments], input=text, capture_output=True, encoding="utf-8", check=False
    )
    if run.returncode > 1 and arguments[0] != "rev-parse":
        raise GitError(f"git {arguments[0]} failed: {run.stderr.strip()}")
    return run.stdout


def check_clone() -> None:
    """Raise GitError unless this directory is the root of a clone that Git can read."""
    run = subprocess.run(
        ["git", "rev-parse", "--show-prefix"], capture_output=True, encoding="utf-8", check=False
    )
    if run.returncode == 0 and run.stdout == "\n":
        return
    reason = (
        run.stderr.strip().splitlines()[0] if run.stderr.strip() else "it is inside another one"
    )
    raise GitError(
        f"changes can be found only in a Git clone of this project; here Git says: {reason}; "
        "to check everything: .ci/run; to test everything: ./pants test ::"
    )
