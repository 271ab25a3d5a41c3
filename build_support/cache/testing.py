"""A build cache for tests, with tokens for it."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from redis import Redis

from build_support.testing import REPOSITORY

SCRIPTS = REPOSITORY / "build_support/cache"


class BuildCache:
    """A build cache that keeps everything in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.address = ""

    def start(self, *options: Path | str) -> None:
        """Start it, or start it again; options as for start_cache.sh."""
        self.address = _output(SCRIPTS / "start_cache.sh", self.directory, *options)

    def stop(self) -> None:
        """Stop it, also if it was suspended or killed."""
        for name in ("pid", "redis.pid"):
            if (self.directory / name).exists():
                self.signal(signal.SIGCONT, name)
        _output(SCRIPTS / "stop_cache.sh", self.directory)

    def signal(self, number: signal.Signals, name: str = "pid") -> None:
        """Send a signal to the server, or to its Redis if name is "redis.pid"."""
        try:
            os.kill(int((self.directory / name).read_text(encoding="utf-8")), number)
        except ProcessLookupError:
            pass

    def token(self, subject: str, days: int = 1) -> Path:
        """Return a file with a token; it has expired if days is negative."""
        file = self.directory / f"{subject}{days}.token"
        file.write_text(_output(SCRIPTS / "make_token.sh", self.directory, subject, str(days)))
        return file

    def blobs(self) -> list[Path]:
        """Return the files of all blobs."""
        return [file for file in self.directory.glob("blobs/cas/objects/*/*") if file.is_file()]

    def hits(self) -> int:
        """Return how many results it has served since it started."""
        settings = (self.directory / "redis.conf").read_text(encoding="utf-8")
        port, password = re.findall(r"^(?:port|requirepass) (\S+)$", settings, re.MULTILINE)
        with Redis(port=int(port), password=password) as redis:
            return int(redis.info("stats")["keyspace_hits"])


@contextmanager
def running_cache(directory: Path) -> Iterator[BuildCache]:
    """Return a running cache; stop it when the context ends."""
    build_cache = BuildCache(directory)
    build_cache.start()
    try:
        yield build_cache
    finally:
        build_cache.stop()


@cache
def client() -> str:
    """Return the path of BuildGrid's command, which is its client as well."""
    tool = _output(REPOSITORY / "build_support/locks/run_tool.sh", "--path", "buildgrid")
    return str(Path(tool).with_name("bgd"))


def _output(*command: Path | str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
