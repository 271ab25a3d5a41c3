"""Tests that computing stops no other request, neither under gevent nor without it."""

import hashlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from libs.flask_service import computing
from libs.flask_service.computing import Busy, compute

# Other greenlets must run while one computes. Each of these counts for as long as it may.
UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, hashlib
from libs.flask_service.computing import compute

def tick():
    global ticks
    while True:
        ticks += 1
        gevent.sleep(0.001)

ticks = 0
gevent.spawn(tick)
gevent.sleep(0)
hashes = [
    gevent.spawn(compute, hashlib.pbkdf2_hmac, "sha256", b"", b"", iterations=300_000)
    for _ in range(2)
]
gevent.joinall(hashes)
assert hashes[0].get() == hashes[1].get() != b""
print(ticks)
"""


def test_should_let_other_greenlets_run_meanwhile() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNDER_GEVENT],
        check=True,
        capture_output=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert int(done.stdout) > 10


def test_should_return_what_the_function_does() -> None:
    assert compute(hashlib.pbkdf2_hmac, "sha256", b"", b"", iterations=1)
    with pytest.raises(ZeroDivisionError):
        compute(divmod, 1, 0)
    assert compute(divmod, 7, 2) == (3, 1)


def test_should_compute_one_at_a_time_and_give_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "WAIT_SECONDS", 0.01)
    started, finish = threading.Event(), threading.Event()

    def work() -> bool:
        started.set()
        return finish.wait(10)

    with ThreadPoolExecutor() as pool:
        first = pool.submit(compute, work)
        started.wait(10)
        with pytest.raises(Busy):
            compute(divmod, 1, 1)
        finish.set()
        assert first.result()
    assert compute(divmod, 7, 2) == (3, 1)
