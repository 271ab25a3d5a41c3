"""Tests that every view is counted once whatever fails, with real processes under load.

Each test goes on until 500 views are acknowledged, of the page and of a site together, or 20,000 if
SLOW_TESTS is "all".
docs/reliability.md has a row for each test.
"""

import contextlib
import importlib.resources
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libs.page_views.counting import PAGE_VIEWS_KEY
from libs.processes.testing import paused, wait_until
from libs.redis_access.fault_proxy import Fault
from libs.redis_access.testing import DATA_ROOT
from services.web.fault_testing import PASSWORD, System
from services.web.visitor_testing import Seen, Sent

# Views to acknowledge for each fault, and how long nothing fails before, between and after faults.
VIEWS, CALM_SECONDS = (20_000, 2) if os.environ.get("SLOW_TESTS") == "all" else (500, 0.3)

FAULT_SECONDS = 1  # longer than a view may take, so views fail
SHARE_OF_FAULTS = 0.05

# A page is answered within 1 s; the rest is for a machine that does other work, too.
ANSWER_SECONDS = 10

pytestmark = pytest.mark.timeout(180)


def wait() -> None:
    """Let visitors go on while something fails."""
    time.sleep(FAULT_SECONDS)


def _on_the_network(fault: Fault) -> Callable[[System], None]:
    """Return a function that lets a share of all commands fail."""

    def fail(system: System) -> None:
        chance = random.Random(fault.name)
        system.network.choose_fault = lambda: (
            fault if chance.random() < SHARE_OF_FAULTS else Fault.NONE
        )
        wait()

    return fail


def _refused(system: System) -> None:
    system.network.close()
    wait()
    system.network.open()


def _black_holed(system: System) -> None:
    system.network.swallow()
    wait()
    system.network.close()
    system.network.open()


def _name_server_silent(system: System) -> None:
    system.names.answers.clear()
    system.end_connections()
    wait()
    system.names.answers.set()


def _redis_paused(system: System) -> None:
    with paused(system.redis_process.pid):
        wait()


def _redis_killed(system: System) -> None:
    system.kill_redis()
    system.start_redis()


def _loading(system: System) -> None:
    microseconds = round(FAULT_SECONDS * 1_000_000 / max(system.redis.dbsize(), 1))  # for each key
    system.kill_redis()
    options = ("--key-load-delay", f"{microseconds}")
    system.start_redis(*options, "--loading-process-events-interval-bytes", "1024")


def _read_only(system: System) -> None:
    system.redis.replicaof("127.0.0.1", "1")
    wait()
    system.redis.replicaof("NO", "ONE")


def _out_of_memory(system: System) -> None:
    system.redis.config_set("maxmemory", 1)
    wait()
    system.redis.config_set("maxmemory", 0)


def _snapshot_failed(system: System) -> None:
    """Let Redis refuse writes because it could not write a snapshot (MISCONF)."""
    snapshot = system.data_dir / "dump.rdb"
    snapshot.unlink(missing_ok=True)
    snapshot.mkdir()
    system.redis.config_set("save", "3600 1000000000")
    take_snapshot(system, "err")
    wait()
    snapshot.rmdir()
    take_snapshot(system, "ok")


def take_snapshot(system: System, result: str) -> None:
    """Take a snapshot, and wait for its result."""

    def has_result() -> bool:
        state = system.redis.info("persistence")
        return not state["rdb_bgsave_in_progress"] and state["rdb_last_bgsave_status"] == result

    system.redis.bgsave()
    wait_until(has_result, f"a snapshot: {result}")


def _scripts_forgotten(system: System) -> None:
    system.redis.script_flush()


def _wrong_password(system: System) -> None:
    right = system.password_file.read_text(encoding="utf-8")
    system.password_file.write_text("wrong", encoding="utf-8")
    system.end_connections()
    wait()
    system.password_file.write_text(right, encoding="utf-8")


def _password_changed(system: System) -> None:
    """Change the password as docs/reliability.md says: both are valid for a moment."""
    old = system.password_file.read_text(encoding="utf-8").strip()
    new = f"password {random.random()}"
    system.redis.acl_setuser("default", enabled=True, passwords=[f"+{new}"])
    system.password_file.write_text(new, encoding="utf-8")
    system.redis.acl_setuser("default", enabled=True, passwords=[f"-{old}"])
    system.end_connections()
    wait()


def _wrong_type(system: System) -> None:
    system.redis.lpush("other", "a list")
    replace_counter_for_a_while(system)


def _largest_number(system: System) -> None:
    system.redis.set("other", 2**63 - 1)
    replace_counter_for_a_while(system)


def replace_counter_for_a_while(system: System) -> None:
    """Put the value of the key "other" in the place of the counter, and take it back."""
    wait_until(lambda: bool(system.redis.exists(PAGE_VIEWS_KEY)), "a counter")
    with system.redis.pipeline() as transaction:
        transaction.rename(PAGE_VIEWS_KEY, "aside")
        transaction.rename("other", PAGE_VIEWS_KEY)
        transaction.execute()
    wait()
    system.redis.rename("aside", PAGE_VIEWS_KEY)


def _worker_killed(system: System) -> None:
    system.wait_for_workers()
    random.choice(system.workers()).kill()
    wait()


def _web_stopped(system: System) -> None:
    system.stop_web()
    system.start_web()


def _web_upgraded(system: System) -> None:
    system.upgrade_web()
    time.sleep(3)  # until it notices that the old one has ended, it refuses to be upgraded


def _web_reloaded(system: System) -> None:
    system.reload_web()


# These end processes, and views that wait for Redis end with theirs.
ENDING = (_worker_killed, _web_stopped, _web_reloaded, _web_upgraded)

NEVER, RARELY, OFTEN, PERHAPS = range(4)

# Each fault, and how often a view fails: with OFTEN, one of the page; with PERHAPS, it depends on
# how many are under way and how soon all is well again.
FAULTS: dict[str, tuple[Callable[[System], None], int]] = {
    "lost request": (_on_the_network(Fault.REQUEST_LOST), RARELY),
    "lost reply": (_on_the_network(Fault.REPLY_LOST), RARELY),
    "late reply": (_on_the_network(Fault.REPLY_LATE), RARELY),
    "reset before": (_on_the_network(Fault.RESET_BEFORE), RARELY),
    "reset after": (_on_the_network(Fault.RESET_AFTER), RARELY),
    "reset in a reply": (_on_the_network(Fault.REPLY_CUT), RARELY),
    "reply in single bytes": (_on_the_network(Fault.REPLY_IN_BYTES), NEVER),
    "connection refused": (_refused, OFTEN),
    "connection swallowed": (_black_holed, OFTEN),
    "name server silent": (_name_server_silent, OFTEN),
    "Redis paused": (_redis_paused, OFTEN),
    "Redis killed": (_redis_killed, PERHAPS),
    "Redis loading": (_loading, OFTEN),
    "Redis read-only": (_read_only, OFTEN),
    "Redis out of memory": (_out_of_memory, OFTEN),
    "snapshot failed": (_snapshot_failed, OFTEN),
    "scripts forgotten": (_scripts_forgotten, NEVER),
    "wrong password": (_wrong_password, OFTEN),
    "password changed": (_password_changed, NEVER),
    "wrong type": (_wrong_type, OFTEN),
    "largest number": (_largest_number, OFTEN),
    "worker killed": (_worker_killed, PERHAPS),
    "web service stopped": (_web_stopped, OFTEN),
    "web service reloaded": (_web_reloaded, NEVER),
    "web service upgraded": (_web_upgraded, RARELY),
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
    seen, sent = system.visit_during(fault, VIEWS, CALM_SECONDS)
    _assert_counted_once(system, seen, sent, in_queue=fault not in ENDING)
    attempted = seen.attempted, len(sent.attempted)
    failed = seen.failed, sent.failed
    seldom = all(some < of / 20 for some, of in zip(failed, attempted))
    assert [not any(failed), seldom, seen.failed > 0, True][fails], (seen, sent)


def _assert_counted_once(system: System, seen: Seen, sent: Sent, in_queue: bool = True) -> None:
    """Check that all that was acknowledged is stored, and nothing twice.

    in_queue is whether the views that waited for Redis must be stored in the end.
    """
    stored = system.stored()
    assert 0 < len(seen.numbers) <= stored <= seen.attempted
    assert len(set(seen.numbers)) == len(seen.numbers)
    assert all(1 <= number <= stored for number in seen.numbers)
    if in_queue:
        wait_until(lambda: sent.waiting <= system.stored_of_site(), "the views that waited", 30)
    assert sent.stored or sent.waiting
    assert sent.stored <= system.stored_of_site() <= system.attempted
    wait_until(lambda: not system.drift_of_site(), "numbers of the site that add up")
    assert max(*seen.seconds, *sent.seconds) < ANSWER_SECONDS


def test_should_be_documented() -> None:
    # Given
    prefix = f"{test_should_count_every_view_once.__name__}_"
    others = [name.removeprefix(prefix) for name in globals() if name.startswith(prefix)]
    tests = {*FAULTS, *(name.replace("_", " ") for name in others)}

    # When
    table = Path("docs/reliability.md").read_text(encoding="utf-8").partition("| Fault |")[2]
    rows = set(re.findall(r"^\| (\w.*?) \|", table.partition("\n\n")[0], re.MULTILINE))

    # Then
    assert rows == tests


def test_should_count_every_view_once_without_the_password(data_dir: Path) -> None:
    # Given
    def password_missing(system: System) -> None:
        system.redis.config_set("requirepass", PASSWORD)
        system.end_connections()
        wait()
        system.redis.config_set("requirepass", "")

    # When
    with contextlib.ExitStack() as stack:
        system = System(stack, data_dir, password=None)
        seen, sent = system.visit_during(password_missing, VIEWS, CALM_SECONDS)

        # Then
        _assert_counted_once(system, seen, sent)
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

    # When
    with contextlib.ExitStack() as stack:
        system = System(stack, data_dir, redis_environment=environment)
        seen, sent = system.visit_during(set_back, VIEWS, CALM_SECONDS)

        # Then
        _assert_counted_once(system, seen, sent)
    assert hours and not seen.failed and not sent.failed
