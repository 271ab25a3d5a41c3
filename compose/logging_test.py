"""Tests of the logs that profile logging keeps: all lines, within bounds, found by their trace."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import requests
from python_on_whales import Container

from compose.testing import Stack
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(300)  # starting a stack takes long where others start too

SOME_LINES, ALL_LINES = 5_000, 50_000
LINES = ALL_LINES if os.environ.get("SLOW_TESTS") == "all" else SOME_LINES
HALF_SECONDS = 10

LINK = "http://localhost/dashboard/first-account?token=secret"

# Logs a link that lets its reader in, and half of the lines, slowly, so that the collector can
# restart meanwhile. At SIGTERM, logs the other lines at once.
WRITER = """
import json, signal, sys, threading, time
trace, lines, seconds, link = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
hurry = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: hurry.set())
print("Make the first account, within an hour:", link, flush=True)
for number in range(lines):
    time_ = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    print(json.dumps({"time": time_, "trace_id": trace, "number": number}), flush=True)
    if number % 50 == 0:
        hurry.wait(100 * seconds / lines)
    if number == lines // 2:
        hurry.wait()
"""


@pytest.fixture(name="logged", scope="module")
def _logged(running_stack: Stack) -> Iterator[Stack]:
    """Yield the stack with its logs collected, from its start on."""
    running_stack.command("--profile logging up --detach --wait")
    yield running_stack
    running_stack.command("--profile logging rm --force --stop --volumes log-collector log-shipper")


def in_collector(stack: Stack, command: str, **environment: str) -> tuple[int, str]:
    """Run a command in the collector; return its exit status and its output."""
    variables = " ".join(f"--env {name}={value}" for name, value in environment.items())
    run = stack.run(f"exec -T {variables} log-collector {command}")
    return run.returncode, (run.stdout + run.stderr).decode()


def found(stack: Stack, trace: str) -> list[dict[str, Any]]:
    """Return the lines of a trace that the collector has."""
    status, output = in_collector(stack, f"find-trace {trace}")
    return [json.loads(line) for line in output.splitlines()] if status == 0 else []


def kept(stack: Stack, trace: str) -> int:
    """Return how many lines of a trace are kept, those that are kept twice included."""
    return sum(map(int, in_collector(stack, f"grep -rhcF {trace} /logs")[1].split()))


def events(stack: Stack, service: str) -> list[str]:
    """Return the events that the collector has of a service of today."""
    status, output = in_collector(stack, f"cat /logs/{service}-{datetime.now(UTC):%Y-%m-%d}.jsonl")
    return [json.loads(line).get("event", "") for line in output.splitlines() if status == 0]


def test_should_find_all_lines_of_a_trace_with_one_command(logged: Stack) -> None:
    # When
    answer = requests.get(logged.url("/api/v1/sites/none.example/totals"), timeout=5)

    # Then
    told = answer.headers["traceresponse"]
    wait_until(lambda: len(found(logged, told)) == 2, "the lines of the trace")
    lines = found(logged, told.split("-")[1])
    assert {line["service"] for line in lines} == {"gateway", "web"}
    assert [line["status"] for line in lines] == [404, 404]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert in_collector(logged, f"find-trace {uuid4().hex}")[0] == 1
    assert in_collector(logged, "find-trace .*")[0] == 2


@pytest.mark.parametrize(
    ("service", "event"),
    [
        ("dashboard-service", "Starting gunicorn"),
        ("web-service", "Starting gunicorn"),
        ("redis-service", "Ready to accept connections"),
    ],
)
def test_should_keep_what_each_container_says(logged: Stack, service: str, event: str) -> None:
    wait_until(lambda: event in " ".join(events(logged, service)), event)


def test_should_lose_no_line_while_the_collector_restarts(logged: Stack) -> None:
    # Given
    trace = uuid4().hex
    writer = logged.docker.compose.run(
        "web-service",
        ["-c", WRITER, trace, str(LINES), str(HALF_SECONDS), LINK],
        entrypoint="/app/bin/python",
        dependencies=False,
        detach=True,
        tty=False,
    )
    assert isinstance(writer, Container)
    try:
        wait_until(lambda: kept(logged, trace) > 0, "the first lines")

        # When
        logged.docker.compose.restart(["log-collector"])
        logged.docker.compose.kill(["log-collector"])
        logged.docker.compose.start(["log-collector"])
        more = min(kept(logged, trace) + 1, LINES // 2)  # they may all have arrived
        wait_until(lambda: kept(logged, trace) >= more, "more lines")
        logged.docker.compose.kill(["log-shipper"])
        logged.docker.compose.start(["log-shipper"])
        writer.kill("SIGTERM")

        # Then
        logged.docker.wait(writer)
        wait_until(lambda: kept(logged, trace) >= LINES, f"{LINES} lines", 120)
        wait_until(lambda: len(found(logged, trace)) == LINES, "those kept twice before others")
        assert LINK in logged.docker.logs(writer)
    finally:
        writer.remove(force=True)
    assert sorted(line["number"] for line in found(logged, trace)) == list(range(LINES))
    assert "first-account" not in in_collector(logged, "grep -rh first-account /logs")[1]


def test_should_keep_its_files_within_bounds(logged: Stack) -> None:
    # Given
    for command in (
        "truncate --size 1 /logs/web-service-2020-01-01.jsonl",
        "touch --date 2020-01-01 /logs/web-service-2020-01-01.jsonl",
        "fallocate --length 900K /logs/old-2026-01-01.jsonl",
        "touch --date yesterday /logs/old-2026-01-01.jsonl",
        "fallocate --length 500K /logs/new-2026-01-01.jsonl",
    ):
        assert in_collector(logged, command) == (0, "")

    # When
    assert in_collector(logged, "keep-logs", LOG_MEGABYTES="10") == (0, "")
    by_days = in_collector(logged, "ls /logs")[1]
    assert in_collector(logged, "keep-logs", LOG_MEGABYTES="1") == (0, "")
    by_size = in_collector(logged, "ls /logs")[1]

    # Then
    assert "2020-01-01" not in by_days
    assert "old-2026-01-01" in by_days
    assert "old-2026-01-01" not in by_size
    assert int(in_collector(logged, "du -sk /logs")[1].split()[0]) <= 1024
    answer = requests.get(logged.url("/unknown"), timeout=5)
    trace = answer.headers["traceresponse"]
    wait_until(lambda: len(found(logged, trace)) == 2, "lines in a new file")
