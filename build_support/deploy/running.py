"""Run programs that die with this one, so nothing goes on after a killed deploy."""

import ctypes
import os
import signal
import subprocess
import sys

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_ERASE = "\x1b[2K"  # begins the lines of `docker compose logs`


class Failed(Exception):
    """A step of a deploy failed; the message says why in one line."""


def run(*command: str, send: str = "", seconds: float = 60, **environment: str) -> str:
    """Run a program with some more variables; return its standard output.

    send is its standard input. Raises Failed if it fails or takes longer than that many seconds.
    """
    try:
        with start(*command, **environment) as process:
            try:
                output, errors = process.communicate(send.encode(), seconds)
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{_name(command)} took longer than {seconds} s") from error
    if process.returncode:
        raise Failed(_reason(errors.decode(), output.decode()) or f"{_name(command)} failed")
    return output.decode()


def start(*command: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a program with some more variables. Raises Failed if there is none of this name."""
    # pylint: disable=subprocess-popen-preexec-fn,consider-using-with  # one system call; callers do
    try:
        return subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_die_with_parent,
        )
    except FileNotFoundError as error:
        raise Failed(f"there is no program {command[0]}") from error


def last_line(text: str) -> str:
    """Return the last line that is not empty, or ""."""
    lines = text.replace(_ERASE, "").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _name(command: tuple[str, ...]) -> str:
    return " ".join(command[:2])


def _reason(errors: str, output: str) -> str:
    """Return the tests that failed, or else the last line of what a program said."""
    tests = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "; ".join(tests) or last_line(errors) or last_line(output)


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies. Runs between fork and exec."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
