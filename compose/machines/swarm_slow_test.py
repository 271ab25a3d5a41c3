"""Tests that no acknowledged view is lost, and none counted twice, with the stack on two machines.

The machines are two Docker engines here, each with its own network and processes. Needs Linux, root
and the images of the services; .github/workflows/nightly.yml has all. Prints what it has seen.
"""

import contextlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import pytest

from compose.machines.stack_testing import SERVICES, Stack, running_stack
from compose.machines.visitors_testing import Seen
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(3000)

REQUESTS = int(os.environ.get("SWARM_REQUESTS", "20000"))
"""How many requests are made around each fault."""

FAULT_SECONDS = 180
"""How long a fault may last until views are acknowledged again."""

TAG = os.environ.get("IMAGE_TAG", "latest")


@pytest.fixture(name="other_tag", scope="module")
def _other_tag() -> Iterator[str]:
    """Yield a tag of other images that do the same."""
    with _other_images("LABEL other=true") as tag:
        yield tag


@pytest.fixture(name="broken_tag", scope="module")
def _broken_tag() -> Iterator[str]:
    """Yield a tag of images that start and are never healthy."""
    with _other_images('HEALTHCHECK --interval=1s --retries=2 CMD ["false"]') as tag:
        yield tag


@contextlib.contextmanager
def _other_images(instruction: str) -> Iterator[str]:
    """Make images with one more instruction; yield their tag."""
    tag = f"test-{uuid4().hex[:8]}"
    names = []
    try:
        for service in SERVICES:
            names.append(f"page-tracker-{service}:{tag}")
            file = f"FROM page-tracker-{service}:{TAG}\n{instruction}\n"
            build = ["docker", "build", "--quiet", "--tag", names[-1], "-"]
            subprocess.run(build, input=file.encode(), check=True, capture_output=True)
        yield tag
    finally:
        subprocess.run(["docker", "image", "rm", *names], check=False, capture_output=True)


@pytest.fixture(name="running", scope="module")
def _running(
    other_tag: str, broken_tag: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("swarm"), TAG, other_tag, broken_tag) as stack:
        yield stack


@pytest.fixture(name="stack")
def _stack(running: Stack) -> Stack:
    """Return the stack, in which nothing fails."""
    running.wait_until_well()
    return running


@contextlib.contextmanager
def many_requests(stack: Stack, what: str) -> Iterator[Seen]:
    """Let visitors come before, during and after what happens in the context; check the numbers."""
    before = stack.stored()
    with stack.visited() as seen:
        wait_for_requests(seen, REQUESTS // 3)
        yield seen
        wait_for_requests(seen, REQUESTS)
    pages, views = (now - then for now, then in zip(stack.stored(), before))
    print(
        f"{what}: {seen.requests} requests; pages: {len(seen.numbers)} acknowledged, {pages} "
        f"stored, {len(seen.failed_pages)} failed ({dict(Counter(seen.failed_pages))}); views: "
        f"{len(seen.stored)} acknowledged, {views} stored, {len(seen.failed_views)} sent again; "
        f"nothing acknowledged for {seen.outage_seconds():.1f} s at most"
    )
    seen.check(pages, views)


def wait_for_requests(seen: Seen, requests: int) -> None:
    """Wait for so many requests in all."""
    wait_until(lambda: seen.requests >= requests, f"{requests} requests", 1500)


def wait_for_acknowledgements(seen: Seen) -> None:
    """Wait until views of both kinds are acknowledged again."""
    pages, views = len(seen.numbers), len(seen.stored)
    wait_until(
        lambda: len(seen.numbers) > pages + 20 and len(seen.stored) > views + 20,
        "acknowledgements",
        FAULT_SECONDS,
    )


def test_should_lose_nothing_when_the_primary_is_killed(stack: Stack) -> None:
    with many_requests(stack, "primary killed") as seen:
        machine, container = stack.container(stack.primary())
        machine.docker("kill", container)
        wait_for_acknowledgements(seen)


def test_should_lose_nothing_when_the_primary_hangs(stack: Stack) -> None:
    # Given
    with many_requests(stack, "primary hangs") as seen:
        primary = stack.primary()
        machine, container = stack.container(primary)

        # When
        machine.docker("pause", container)
        wait_until(lambda: stack.primary() not in ("", primary), "another primary", FAULT_SECONDS)
        machine.docker("unpause", container)
        wait_for_acknowledgements(seen)

    # Then
    assert stack.primary() != primary


def test_should_lose_nothing_when_a_machine_is_lost(stack: Stack) -> None:
    # Given
    make_primary(stack, "redis-1")
    with many_requests(stack, "machine lost") as seen:
        # When
        stack.worker.lose()
        wait_until(lambda: stack.primary() == "redis-2", "another primary", FAULT_SECONDS)
        stack.scale("redis-spare", 1)
        wait_for_acknowledgements(seen)
        stack.worker.start()
        wait_until(lambda: stack.replicas() == 2, "the machine's replica", FAULT_SECONDS)
        stack.scale("redis-spare", 0)
        stack.forget_replicas()
        wait_for_acknowledgements(seen)

    # Then
    assert stack.primary() == "redis-2"


def make_primary(stack: Stack, server: str) -> None:
    """Let the Sentinels make a server the primary, if it is not."""
    if stack.primary() != server:
        command = ("-p", "26379", "sentinel", "failover", "page-tracker")
        wait_until(lambda: stack.ask("sentinel-2", "redis-as", "operator", *command) == "OK", "it")
        wait_until(lambda: stack.primary() == server, f"{server} as primary", FAULT_SECONDS)
    stack.wait_until_well()


def test_should_lose_nothing_while_it_is_updated(stack: Stack, other_tag: str) -> None:
    with many_requests(stack, "rolling update"):
        stack.deploy(other_tag)
        wait_until(
            lambda: stack.image("web-service").endswith(other_tag)
            and stack.update_state("web-service") == "completed",
            "the update",
            FAULT_SECONDS,
        )


def test_should_return_to_the_old_images_when_the_new_ones_are_not_healthy(
    stack: Stack, broken_tag: str
) -> None:
    # Given
    before = stack.image("web-service")

    # When
    with many_requests(stack, "roll-back"):
        stack.deploy(broken_tag)
        wait_until(
            lambda: stack.update_state("web-service") == "rollback_completed",
            "the roll-back",
            FAULT_SECONDS,
        )

    # Then
    assert stack.image("web-service") == before
