#!/usr/bin/env python3
"""Deploy an image of the web service to the stack on this machine without losing a request.

    build_support/deploy/deploy.py registry/user/page-tracker-web@sha256:…    # --by NAME
    build_support/deploy/deploy.py --roll-back    # to the image before
    build_support/deploy/deploy.py --status

docs/deploying.md describes the steps. Exit status: 0 if it succeeded; otherwise the last line says
which step failed and why, and what served before has all requests. Needs Docker with Compose, and
the same variables as `docker compose up`: keep them in compose/.env.
"""

from __future__ import annotations

import argparse
import fcntl
import getpass
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

if not __package__:  # started as a script: import from the root of the repository
    sys.path[0] = str(Path(__file__).resolve().parents[2])

# pylint: disable=wrong-import-position
from build_support.deploy import steps
from build_support.deploy.gateway import BLUE, GREEN
from build_support.deploy.running import Failed

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".cache/deploy"
HISTORY = STATE / "history.jsonl"
WATCH_SECONDS = 30


class Run:
    """A deploy or roll-back: the step it is in, and its lines in the history."""

    def __init__(self, action: str, image: str, by: str) -> None:
        self.step = "check"
        self._line = {"by": by, "action": action, "from": "", "to": image}

    def enter(self, step: str) -> None:
        """Begin a step."""
        self.step = step
        print(f"{step} …", flush=True)

    def between(self, old: str, new: str) -> None:
        """Set from which image to which this leads."""
        self._line.update({"from": old, "to": new})

    def record(self, outcome: str, why: str = "") -> None:
        """Add a line to the history."""
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": time, **self._line, "outcome": outcome, "step": self.step, "why": why}
        with HISTORY.open("a", encoding="utf-8") as history:
            print(json.dumps(line), file=history)


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description="Deploy an image of the web service.")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("image", nargs="?", help="its name and digest: NAME@sha256:…")
    wanted.add_argument("--roll-back", action="store_true", help="to the image before")
    wanted.add_argument("--status", action="store_true", help="say what serves")
    parser.add_argument("--by", default=_user(), help="who does it, for the history (%(default)s)")
    parser.add_argument(
        "--watch",
        type=float,
        default=WATCH_SECONDS,
        metavar="SECONDS",
        help="how long to watch the canary (%(default)s)",
    )
    options = parser.parse_args()
    action = "deploy" if options.image else "roll-back"
    run = Run(action, options.image or "", options.by)
    os.chdir(ROOT / "compose")
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        if options.status:
            _print_status()
            return 0
        if options.image and not re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", options.image):
            raise Failed(f"{options.image} is not NAME@sha256:…; a tag could name another image")
        run.enter("lock")
        with _lock():
            _run(run, options.image, options.watch)
    except (Failed, OSError, KeyboardInterrupt) as error:
        print(f"{run.step}: {str(error) or 'interrupted'}", file=sys.stderr)
        return 1
    return 0


def _run(run: Run, image: str | None, watch: float) -> None:
    """Deploy the image, or roll back without one."""
    run.enter("look")
    stack = steps.look(STATE, _killed())
    serves, other = stack.colours[stack.serving].image, stack.colours[stack.idle].image
    run.between(serves, image or other)
    run.record("started")
    try:
        if stack.interrupted:
            run.enter("put right")
            steps.abandon(stack)
            print(f"a deploy was interrupted: {stack.serving} serves {serves}", flush=True)
            if not image:
                run.between(other, serves)
        if image:
            steps.deploy(stack, image, watch, run.enter)
        elif not stack.interrupted:
            steps.roll_back(stack, run.enter)
    except BaseException as error:
        run.record("failed", str(error) or type(error).__name__)
        raise
    run.record("done")


def _killed() -> str:
    """Return the image that served when the last deploy began, if it was killed; else ""."""
    if not HISTORY.exists():
        return ""
    last = json.loads(HISTORY.read_text(encoding="utf-8").splitlines()[-1])
    unfinished = last["action"] == "deploy" and last["outcome"] == "started"
    return str(last["from"]) if unfinished else ""


@contextmanager
def _lock() -> Iterator[None]:
    """Let no other deploy run. The kernel removes the lock even if this process is killed."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Failed(f"another deploy runs: process {file.read().strip()}") from error
        file.truncate(0)
        print(os.getpid(), file=file, flush=True)
        yield


def _print_status() -> None:
    stack = steps.look(STATE)
    for colour, percent in ((BLUE, 100 - stack.traffic.green), (GREEN, stack.traffic.green)):
        runs, ready = stack.colours[colour], stack.traffic.ready[colour]
        what = f"{ready} of {runs.replicas} ready, {runs.image}" if runs.replicas else "stopped"
        print(f"{colour}: {percent} %, {what}")
    if stack.interrupted:
        print("a deploy runs or was interrupted")


def _user() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _stop(number: int, _frame: object) -> None:
    raise Failed(f"stopped by {signal.Signals(number).name}")


if __name__ == "__main__":
    sys.exit(main())
