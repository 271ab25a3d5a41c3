#!/usr/bin/env python3
"""Do the only things that an SSH key may do: deploy an image, roll back, say what serves.

In ~/.ssh/authorized_keys of a user who may use Docker, in one line (docs/delivery.md):

    restrict,command=".../build_support/deploy/remote.py registry/user/page-tracker-web --by github"
      ssh-ed25519 AAAA…

The first argument is the repository of images to deploy; options for deploy.py may follow. Whoever
has the key may run these, and nothing else:

    ssh host deploy registry/user/page-tracker-web@sha256:…    # 64 hexadecimal digits
    ssh host roll-back
    ssh host status    # its last line says what became of the last deploy or roll-back

Exit status: that of deploy.py, or 2 if it was refused, and then one line says why. A deploy whose
connection is lost goes on; its output is in .cache/delivery/log.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

DEPLOY = Path(__file__).resolve().with_name("deploy.py")
STATE = Path(__file__).resolve().parents[2] / ".cache/delivery"

_SHOWN_CHARACTERS = 100


class Refused(Exception):
    """What was asked for is not done, and nothing has changed; the message says why."""


def main() -> int:
    """Do what the client asks for; return the exit status."""
    if not sys.argv[1:]:
        sys.exit(__doc__)
    repository, *options = sys.argv[1:]
    command = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    try:
        arguments = arguments_for(command, repository)
        if command == "status":
            return _status()
        with _lock():
            return _run(command, [*arguments, *options])
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 2


def arguments_for(command: str, repository: str) -> list[str]:
    """Return the arguments of deploy.py for what a client asks for. Raises Refused."""
    if command in ("roll-back", "status"):
        return [f"--{command}"]
    image = command.removeprefix("deploy ")
    if image != command and re.fullmatch(rf"{re.escape(repository)}@sha256:[0-9a-f]{{64}}", image):
        return [image]
    # ascii() leaves no control character for a terminal to obey.
    raise Refused(
        f"{ascii(command[:_SHOWN_CHARACTERS])} is not status, roll-back"
        f" or deploy {repository}@sha256:DIGEST"
    )


def _status() -> int:
    """Print what serves, and what became of the last deploy or roll-back."""
    status = subprocess.run([sys.executable, DEPLOY, "--status"], check=False).returncode
    print(_last())
    return status


def _run(command: str, arguments: list[str]) -> int:
    """Run deploy.py and show its output; go on when the connection is lost."""
    # In a session of its own, so that nobody who hangs up can stop it.
    with (
        subprocess.Popen(
            [sys.executable, DEPLOY, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
        (STATE / "log").open("a", encoding="utf-8") as log,
    ):
        _record(log, f"running: {command}: since {_now()}")
        connected = True
        for line in process.stdout or ():
            print(line, end="", file=log, flush=True)
            if connected and not _show(line):
                connected = False
                print(f"the connection was lost; it goes on: {command}", file=log, flush=True)
        status = process.wait()
        _record(log, f"ended: {command}: exit status {status}, {_now()}")
    return status


def _show(line: str) -> bool:
    """Pass a line on to the client; return whether it is still connected."""
    try:
        sys.stdout.write(line)
        sys.stdout.flush()
    except OSError:
        # Python would otherwise try again when it exits, and change the exit status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _record(log: TextIO, line: str) -> None:
    """Remember what goes on, or what became of it."""
    print(line, file=log, flush=True)
    new = STATE / "last.new"
    new.write_text(line, encoding="utf-8")
    new.replace(STATE / "last")


def _last() -> str:
    """Return one line about the last deploy or roll-back."""
    last = _recorded()
    if last.startswith("running:"):
        try:
            with _lock():  # nobody runs it
                return _recorded().replace("running:", "interrupted:", 1)
        except Refused:
            pass
    return last


def _recorded() -> str:
    file = STATE / "last"
    return file.read_text(encoding="utf-8") if file.exists() else "nothing was deployed"


@contextmanager
def _lock() -> Iterator[None]:
    """Let no other deploy run. The kernel removes the lock even if this process is killed."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused("another deploy or roll-back runs; see status") from error
        yield


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a lost connection stops nothing
    sys.exit(main())
