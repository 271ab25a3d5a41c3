#!/usr/bin/env python3
"""Decide what a change can break and therefore what to check.

    build_support/pipeline/affected.py --base origin/main           # what has to be run, and why
    build_support/pipeline/affected.py --base origin/main --json    # the plan, for programs

The change is the difference between the merge base with the base commit and the current files,
committed or not. An untracked file counts only if a target owns it. If the base is unknown, or the
effect of a changed file is unknown, everything has to be checked. plan.py describes the plan.

Needs Python 3.9 and Git, and Pants only if the change can affect a target. Exit status: 1 if this
is not a clone or Pants cannot read the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

if not __package__:  # started as a script: import from the root of the repository
    sys.path[0] = str(Path(__file__).resolve().parents[2])

# pylint: disable=wrong-import-position
from build_support.pipeline.changes import (
    GitError,
    UnknownBase,
    changes_since,
    check_clone,
    files_that_name,
)
from build_support.pipeline.plan import Plan
from build_support.pipeline.selection import (
    Target,
    decides_all,
    everything,
    names_of_what_is_gone,
    needs_pants,
    select,
)

ROOT = Path(__file__).resolve().parents[2]

_SHOWN_REASONS = 20


class PantsError(Exception):
    """Pants cannot read the repository; it has printed why."""


def main() -> int:
    """Print the plan; return the exit status."""
    parser = argparse.ArgumentParser(description="Decide what a change can break.")
    parser.add_argument("--base", required=True, help="the commit that the change is compared with")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    options = parser.parse_args()
    os.chdir(ROOT)
    try:
        plan = make_plan(options.base)
    except (GitError, PantsError) as error:
        print(f"affected: {error}", file=sys.stderr)
        return 1
    print(plan.to_json() if options.json else in_words(plan))
    return 0


def make_plan(base: str) -> Plan:
    """Return what has to be checked since base. Raises GitError and PantsError."""
    check_clone()
    try:
        changes = changes_since(base)
    except UnknownBase as why:
        return everything(all_targets(), [str(why)])
    if not needs_pants(changes):
        return Plan(reasons=list(map(str, changes)), documents=bool(changes))
    reasons = decides_all(changes)
    if reasons:
        return everything(all_targets(), reasons)
    names = names_of_what_is_gone(changes)
    return select(changes, files_that_name(names) if names else [], all_targets())


def all_targets() -> list[Target]:
    """Return what Pants knows about every target. Raises PantsError."""
    command = ["./pants", "peek", "::"]
    run = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if run.returncode:
        raise PantsError("Pants cannot list the dependencies; its error is above")
    return list(json.loads(run.stdout))


def in_words(plan: Plan) -> str:
    """Return the plan as text for people."""
    lines = [f"because {reason}" for reason in plan.reasons[:_SHOWN_REASONS]] or ["nothing changed"]
    if len(plan.reasons) > _SHOWN_REASONS:
        lines.append(f"… and {len(plan.reasons) - _SHOWN_REASONS} more reasons")
    for goal in ("lint", "check", "test", "package"):
        addresses = getattr(plan, goal)
        shown = "everything" if plan.everything else " ".join(addresses) or "nothing"
        lines.append(f"→ {goal} ({len(addresses)}): {shown}")
    for what, planned in {
        "end-to-end tests": plan.e2e,
        "workflow checks": plan.workflows,
        "document checks": plan.documents,
    }.items():
        lines.append(f"→ {what}: {'yes' if planned else 'no'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
