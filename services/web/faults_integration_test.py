"""Tests that every view is counted once whatever fails, with real processes under load.

While its fault comes and goes, each test sees SOME_VIEWS views, or ALL_VIEWS if SLOW_TESTS is
"all". docs/reliability.md has a row for each test; reliability_test.py compares them.
"""

import contextlib
import importlib.resources
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.processes.testing import paused, wait_until
from libs.redis_access.fault_proxy import Fault
from libs.redis_access.testing import DATA_ROOT
from services.web.fault_testing import PASSWORD, Seen, System

SOME_VIEWS, ALL_VIEWS = 1_000, 20_000
VIEWS = ALL_VIEWS if os.environ.get("SLOW_TESTS") == "all" else SOME_VIEWS

FAULT_SECONDS = 1  # longer than a view may take, so views fail
SHARE_OF_FAULTS = 0.05

# A page is answered within 1 s; the rest is for a machine that does other work, too.
ANSWER_SECONDS = 3

pytestmark = pytest.mark.timeout(180)


def wait() -> None:
    """Let visitors go on for a while."""
    time.sleep(FAULT_SECONDS)


def on_the_network(fault: Fault) -> Callable[[System], None]:
    """Return a function that lets a share of all commands fail."""

    def fail(system: System) -> None:
        chance = random.Random(fault.name)
        system.network.choose_fault = lambda: (
            fault if chance.random() < SHARE_OF_FAULTS else Fault.NONE
        )
        wait()

    return fail


def refused(system: System) -> None:
    system.network.close()
    wait()
    system.network.open()
    wait()


def black_holed(system: System) -> None:
    system.network.swallow()
    wait()
    system.network.close()
    system.network.open()
    wait()


def name_server_silent(system: System) -> None:
    system.names.answers.clear()
    system.end_connections()
    wait()
    system.names.answers.set()
    wait()


def redis_paused(system: System) -> None:
    with paused(system.redis_process.pid):
        wait()
    wait()


def redis_killed(system: System) -> None:
    wait()
    system.kill_redis()
    system.start_redis()


def loading(system: System) -> None:
    wait()
    system.kill_redis()
    system.start_redis("--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024")


def read_only(system: System) -> None:
    system.redis.replicaof("127.0.0.1", "1")
    wait()
    system.redis.replicaof("NO", "ONE")
    wait()


def out_of_memory(system: System) -> None:
    system.redis.config_set("maxmemory", 1)
    wait()
    system.redis.config_set("maxmemory", 0)
    wait()


def snapshot_failed(system: System) -> None:
    """Let Redis refuse writes because it could not write a snapshot (MISCONF)."""
    snapshot = system.data_dir / "dump.rdb"
    snapshot.unlink(missing_ok=True)
    snapshot.mkdir()
    system.redis.config_set("save", "3600 1000000000")
    take_snapshot(system, "err")
    wait()
    snapshot.rmdir()
    take_snapshot(system, "ok")
    wait()


def take_snapshot(system: System, result: str) -> None:
    """Take a snapshot, and wait for its result."""

    def has_result() -> bool:
        state = system.redis.info("persistence")
        return not state["rdb_bgsave_in_progress"] and state["rdb_last_bgsave_status"] == result

    system.redis.bgsave()
    wait_until(has_result, f"a snapshot: {result}")


def scripts_forgotten(system: System) -> None:
    system.redis.script_flush()


def wrong_password(system: System) -> None:
    right = system.password_file.read_text(encoding="utf-8")
    system.password_file.write_text("wrong", encoding="utf-8")
    system.end_connections()
    wait()
    system.password_file.write_text(right, encoding="utf-8")
    wait()


def password_changed(system: System) -> None:
    """Change the password as docs/reliability.md says: both are valid for a moment."""
    old = system.password_file.read_text(encoding="utf-8").strip()
    new = f"password {random.random()}"
    system.redis.acl_setuser("default", enabled=True, passwords=[f"+{new}"])
    system.password_file.write_text(new, encoding="utf-8")
    system.redis.acl_setuser("default", enabled=True, passwords=[f"-{old}"])
    system.end_connections()
    wait()


def wrong_type(system: System) -> None:
    system.redis.lpush("other", "a list")
    replace_counter_for_a_while(system)


def largest_number(system: System) -> None:
    system.redis.set("other", 2**63 - 1)
    replace_counter_for_a_while(system)


def replace_counter_for_a_while(system: System) -> None:
    """Put the value of the key "other" in the place of the counter, and take it back."""
    wait_until(lambda: bool(system.redis.exists(PAGE_VIEWS_KEY)), "a counter")
    with system.redis.pipeline() as transaction:
        transaction.rename(PAGE_VIEWS_KEY, "aside").rename("other", PAGE_VIEWS_KEY).execute()
    wait()
    system.redis.rename("aside", PAGE_VIEWS_KEY)
    wait()


def worker_killed(system: System) -> None:
    wait()
    random.choice(system.workers()).kill()


def web_stopped(system: System) -> None:
    wait()
    system.stop_web()
    system.start_web()


def web_upgraded(system: System) -> None:
    wait()
    system.upgrade_web()


def web_reloaded(system: System) -> None:
    wait()
    system.web.send_signal(signal.SIGHUP)
    wait()


NEVER, RARELY, OFTEN = range(3)

# Each fault, and how often a view fails.
FAULTS: dict[str, tuple[Callable[[System], None], int]] = {
    "lost request": (on_the_network(Fault.REQUEST_LOST), RARELY),
    "lost reply": (on_the_network(Fault.REPLY_LOST), RARELY),
    "late reply": (on_the_network(Fault.REPLY_LATE), RARELY),
    "reset before": (on_the_network(Fault.RESET_BEFORE), RARELY),
    "reset after": (on_the_network(Fault.RESET_AFTER), RARELY),
    "reset in a reply": (on_the_network(Fault.REPLY_CUT), RARELY),
    "reply in single bytes": (on_the_network(Fault.REPLY_IN_BYTES), NEVER),
    "connection refused": (refused, OFTEN),
    "connection swallowed": (black_holed, OFTEN),
    "name server silent": (name_server_silent, OFTEN),
    "Redis paused": (redis_paused, OFTEN),
    "Redis killed": (redis_killed, OFTEN),
    "Redis loading": (loading, OFTEN),
    "Redis read-only": (read_only, OFTEN),
    "Redis out of memory": (out_of_memory, OFTEN),
    "snapshot failed": (snapshot_failed, OFTEN),
    "scripts forgotten": (scripts_forgotten, NEVER),
    "wrong password": (wrong_password, OFTEN),
    "password changed": (password_changed, NEVER),
    "wrong type": (wrong_type, OFTEN),
    "largest number": (largest_number, OFTEN),
    "worker killed": (worker_killed, RARELY),
    "web service stopped": (web_stopped, OFTEN),
    "web service reloaded": (web_reloaded, NEVER),
    "web service upgraded": (web_upgraded, RARELY),
}


@pytest.fixture(name="shared_system", scope="module")
def _shared_system() -> Iterator[System]:
    with contextlib.ExitStack() as stack:
        data_dir = stack.enter_context(tempfile.TemporaryDirectory(dir=DATA_ROOT))
        yield System(stack, Path(data_dir))


@pytest.fixture(name="system")
def _system(shared_system: System) -> System:
    """Return the system without views."""
    shared_system.reset()
    return shared_system


@pytest.mark.parametrize("name", FAULTS)
def test_should_count_every_view_once(system: System, name: str) -> None:
    fault, fails = FAULTS[name]
    seen = system.visit_during(fault, VIEWS)
    assert_counted_once(system, seen)
    assert [seen.failed == 0, seen.failed < seen.attempted / 20, seen.failed > 0][fails], seen


def assert_counted_once(system: System, seen: Seen) -> None:
    """Check that all that was acknowledged is stored, and nothing twice."""
    stored = system.stored()
    assert 0 < len(seen.numbers) <= stored <= seen.attempted
    assert len(set(seen.numbers)) == len(seen.numbers)
    assert all(1 <= number <= stored for number in seen.numbers)
    assert seen.slowest_seconds < ANSWER_SECONDS


def test_should_count_every_view_once_without_the_password(data_dir: Path) -> None:
    # Given
    def password_missing(system: System) -> None:
        system.redis.config_set("requirepass", PASSWORD)
        system.end_connections()
        wait()
        system.redis.config_set("requirepass", "")
        wait()

    # When
    with contextlib.ExitStack() as stack:
        system = System(stack, data_dir, password=None)
        seen = system.visit_during(password_missing, VIEWS)

        # Then
        assert_counted_once(system, seen)
    assert seen.failed


def test_should_count_every_view_once_when_the_clock_of_redis_is_set_back(data_dir: Path) -> None:
    # Given
    clock = data_dir / "clock"
    clock.write_text("+0")
    library = importlib.resources.files("libfaketime") / "vendor/libfaketime/src/libfaketime.so.1"
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    hours = 0

    def set_back(system: System) -> None:
        nonlocal hours
        before, _ = system.redis.time()
        hours += 1
        clock.write_text(f"-{hours}h")
        wait_until(lambda: system.redis.time()[0] < before, "the clock")
        wait()

    # When
    with contextlib.ExitStack() as stack:
        system = System(stack, data_dir, redis_environment=environment)
        seen = system.visit_during(set_back, VIEWS)

        # Then
        assert_counted_once(system, seen)
    assert hours and not seen.failed
