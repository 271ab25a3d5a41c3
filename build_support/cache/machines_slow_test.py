"""Tests of Pants on two machines that share a build cache.

The machines are clones in different directories, with their own home directories, local stores and
PATH. One library's test fails, so that a wrong result could show: failures are never shared.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from build_support.cache.testing import BuildCache, running_cache
from build_support.testing import REPOSITORY, commit, generate, git

pytestmark = pytest.mark.timeout(1800)

PASSING = {"libs/area0/value_test.py", "services/s0/app_test.py", "services/s1/app_test.py"}
FAILING = {"libs/common/value_test.py"}
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
DEADLINE_SECONDS = 900
NONE = Path()


@dataclass(frozen=True)
class Run:
    """What Pants reported: tests that passed, those of them from the cache, tests that failed."""

    passed: set[str]
    cached: set[str]
    failed: set[str]
    counters: dict[str, int]


class Machine:
    """A machine with a clone of the repository.

    It shares with others only the installed Pants and, to be ready sooner, what Pants installed in
    the directory tools.
    """

    def __init__(self, root: Path, origin: Path, cache: BuildCache, *, tools: Path = NONE) -> None:
        self.clone = root / "clone"
        self.home = root / "home"
        self.cache = cache
        (root / "bin").mkdir(parents=True)
        (self.home / ".cache").mkdir(parents=True)
        (self.home / ".cache/page-tracker").symlink_to(CACHE / "page-tracker")
        if tools != NONE:
            (self.home / ".cache/pants").mkdir()
            (self.home / ".cache/pants/named_caches").symlink_to(tools)
        git(root, "clone", "--quiet", str(origin), str(self.clone))

    def start(self, subject: str, *, write: bool = False) -> subprocess.Popen[str]:
        """Start all tests, with the token of a subject."""
        environment = {
            "HOME": str(self.home),
            "PATH": f"{self.home.parent / 'bin'}:{os.environ['PATH']}",
            "PANTS_CONFIG_FILES": "pants.remote.toml",
            "PANTS_PANTSD": "false",
            "PANTS_REMOTE_CACHE_WRITE": str(write).lower(),
            "PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH": str(self.cache.token(subject)),
            "PANTS_REMOTE_STORE_ADDRESS": self.cache.address,
            "PANTS_STATS_LOG": "true",
        }
        return subprocess.Popen(
            ["./pants", "test", "::"],
            cwd=self.clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, subject: str, *, write: bool = False) -> Run:
        """Run all tests, with the token of a subject."""
        return finish(self.start(subject, write=write))


def finish(process: subprocess.Popen[str]) -> Run:
    """Wait for Pants; return what it reported."""
    try:
        output = process.communicate(timeout=DEADLINE_SECONDS)[0]
    finally:
        process.kill()
    print(output)  # shown if the test fails
    reports = re.findall(r"^(✓|✕) (\S+?):\S+ (.*)$", output, re.MULTILINE)
    assert process.returncode == (1 if any(mark == "✕" for mark, _, _ in reports) else 0)
    return Run(
        passed={test for mark, test, _ in reports if mark == "✓"},
        cached={test for _, test, how in reports if "cached remotely" in how},
        failed={test for mark, test, _ in reports if mark == "✕"},
        counters={
            name: int(count)
            for name, count in re.findall(r"^  (\w+): (\d+)$", output, re.MULTILINE)
        },
    )


def assert_right(run: Run) -> None:
    """Check that every test ran, and each with its true result."""
    assert run.passed == PASSING
    assert run.failed == FAILING
    assert not run.cached & FAILING


@dataclass(frozen=True)
class Proved:
    """A repository whose tests main ran, and the build cache, stopped, with their results."""

    origin: Path
    cache: Path
    tools: Path
    run: Run


def make_repository(root: Path) -> Path:
    """Write a repository with one test that fails."""
    generate(root, services=2)
    (root / "pants.remote.toml").write_bytes((REPOSITORY / "pants.remote.toml").read_bytes())
    test = root / "libs/common/value_test.py"
    test.write_text(test.read_text().replace("VALUE == 1", "VALUE == 2"))
    commit(root)
    return root


@pytest.fixture(name="proved", scope="module")
def _proved(tmp_path_factory: pytest.TempPathFactory) -> Proved:
    root = tmp_path_factory.mktemp("first")
    origin = make_repository(root / "origin")
    with running_cache(root / "cache") as cache:
        machine = Machine(root / "machine", origin, cache)
        run = machine.run("main", write=True)
    return Proved(origin, cache.directory, machine.home / ".cache/pants/named_caches", run)


@pytest.fixture(name="cache")
def _cache(proved: Proved, tmp_path: Path) -> Iterator[BuildCache]:
    """Return a running copy of the cache that main filled."""
    shutil.copytree(proved.cache, tmp_path / "cache")
    with running_cache(tmp_path / "cache") as cache:
        yield cache


def test_should_repeat_nothing_that_another_machine_has_proved(
    proved: Proved, cache: BuildCache, tmp_path: Path
) -> None:
    # When
    second = Machine(tmp_path / "second", proved.origin, cache).run("pull-request")

    # Then
    assert_right(proved.run)
    assert_right(second)
    assert proved.run.cached == set()
    assert second.cached == PASSING
    requests = second.counters["remote_cache_requests"]
    # Only the test that fails has no result to share.
    assert second.counters["remote_cache_requests_cached"] == requests - len(FAILING)


def test_should_take_nothing_from_a_pull_request(proved: Proved, tmp_path: Path) -> None:
    # Given
    with running_cache(tmp_path / "empty") as cache:
        forger = Machine(tmp_path / "forger", proved.origin, cache, tools=proved.tools)
        main = Machine(tmp_path / "main", proved.origin, cache, tools=proved.tools)

        # When
        forged = forger.run("pull-request", write=True)
        run = main.run("main")

        # Then
        assert_right(forged)
        assert forged.counters["remote_cache_write_successes"] == 0
        assert forged.counters["remote_cache_write_errors"] > 0
        assert cache.blobs() == []
        assert_right(run)
        assert run.counters["remote_cache_requests_cached"] == 0


def flip(cache: BuildCache) -> None:
    """Change one bit of every blob."""
    for blob in cache.blobs():
        content = bytearray(blob.read_bytes())
        if content:
            content[len(content) // 2] ^= 1
            blob.write_bytes(content)


def truncate(cache: BuildCache) -> None:
    """Empty every blob."""
    for blob in cache.blobs():
        os.truncate(blob, 0)


def delete(cache: BuildCache) -> None:
    """Delete every second blob."""
    for blob in sorted(cache.blobs())[::2]:
        blob.unlink()


def lose_results(cache: BuildCache) -> None:
    """Kill the Redis that holds the results."""
    cache.signal(signal.SIGKILL, "redis.pid")


def suspend(cache: BuildCache) -> None:
    """Suspend the server: it accepts connections and does not answer."""
    cache.signal(signal.SIGSTOP)


def kill(cache: BuildCache) -> None:
    """Kill the server."""
    cache.signal(signal.SIGKILL)


@pytest.mark.parametrize("fault", [flip, truncate, delete, lose_results, suspend, kill])
def test_should_run_all_tests_when_the_cache_fails(
    fault: Callable[[BuildCache], None], proved: Proved, cache: BuildCache, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "second", proved.origin, cache, tools=proved.tools)
    fault(cache)
    assert_right(machine.run("pull-request"))


@pytest.mark.parametrize("fault", [suspend, kill])
def test_should_run_all_tests_when_the_cache_fails_while_it_answers(
    fault: Callable[[BuildCache], None], proved: Proved, cache: BuildCache, tmp_path: Path
) -> None:
    # Given
    machine = Machine(tmp_path / "second", proved.origin, cache, tools=proved.tools)
    process = machine.start("pull-request")

    # When
    deadline = time.monotonic() + DEADLINE_SECONDS
    while cache.hits() == 0:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    fault(cache)

    # Then
    assert_right(finish(process))
