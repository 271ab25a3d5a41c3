"""Tests that a deploy loses no view, whatever image it is and whatever ends it.

Visitors view the page meanwhile. They go on until 20,000 views are acknowledged in each of these
tests if SLOW_TESTS is "all", and for no longer than the test otherwise, of fewer images and steps.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import pytest

from compose.deploy_testing import BLUE, GREEN, Operator, Registry, copy_what_a_host_needs, viewed
from compose.testing import MAKE_SECRETS, SORRY, Stack, Views
from libs.processes.testing import wait_until

ALL = os.environ.get("SLOW_TESTS") == "all"
VIEWS = 20_000 if ALL else 0
ROLL_BACK_SECONDS = 2 if ALL else 5  # about one; unless all is tried, other tests run beside
LOAD_SECONDS = 200
# Of a visitor, for tests that run beside these.
PAUSE_SECONDS = 0 if ALL else 0.1

pytestmark = pytest.mark.timeout(400)

_CHANGED = """
_create_app = create_app

def create_app(client=None):
    import os, time
    app = _create_app(client)

    @app.before_request
    def before():
        visited = request.path == "/" and not request.user_agent.string
        {before}

    @app.after_request
    def after(answer):
        {after}
        return answer

    return app
"""


def changed(before: str = "pass", after: str = "pass") -> str:
    """Return code that changes the web service, before it makes an answer or after."""
    return _CHANGED.format(before=before, after=after)


class Bad(NamedTuple):
    """The code of a bad image, the step that fails, and what the reason has."""

    code: str
    step: str
    why: str


# Those that only a canary reveals treat visitors badly, who send no User-Agent, and the end-to-end
# tests well.
BAD = {
    "fails": Bad(
        changed(before="if visited: return plain_text('bad', 500)"),
        "canary",
        "requests failed",
    ),
    "crashes": Bad("raise SystemExit('cannot start')", "start", ""),
    "dies": Bad(
        changed(before="if visited: os._exit(1)"),
        "canary",
        "requests failed",
    ),
    "never-ready": Bad(
        changed(before="if request.path == '/readyz': return plain_text('never', 503)"),
        "ready",
        "web-service",
    ),
    "slow": Bad(
        changed(before="if visited and os.urandom(1)[0] < 25: time.sleep(2)"),
        "canary",
        "the p99 is",
    ),
    "wrong": Bad(
        changed(
            after="if request.path == '/': answer.set_data('This page has been seen 7 times.')"
        ),
        "smoke test",
        "FAILED",
    ),
}
TRIED = list(BAD) if ALL else ["fails"]
STEPS = ["pull", "start", "ready", "smoke test", "canary", "switch", "drain"]


@pytest.fixture(scope="module", name="host")
def _host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a directory that has what a host needs, until all tests have run."""
    root = tmp_path_factory.mktemp("host")
    copy_what_a_host_needs(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("WEB_PORT", "0")
        patch.setenv("ADDRESS_REQUESTS", "1000000")
        patch.setenv("DOCKER_CONFIG", str(root / "docker"))
        subprocess.run([MAKE_SECRETS], check=True)
        yield root


@pytest.fixture(scope="module", name="registry")
def _registry(host: Path) -> Iterator[Registry]:
    assert host
    with closing(Registry()) as registry:
        registry.start()
        yield registry


@pytest.fixture(scope="module", name="running_stack")
def _running_stack(host: Path, registry: Registry) -> Iterator[Stack]:
    assert registry  # its images are removed after the containers
    stack = Stack(host / ".cache/secrets")
    try:
        stack.command("up --detach --wait")
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module", name="images")
def _images(registry: Registry) -> list[str]:
    """Return two good images."""
    return [registry.push(f"good-{number}") for number in range(2)]


@pytest.fixture(name="operator")
def _operator(running_stack: Stack) -> Operator:
    return Operator(running_stack)


@pytest.fixture(scope="module", name="smoke_views")
def _smoke_views(running_stack: Stack) -> int:
    """Return how many views of the page the end-to-end tests count."""
    before = running_stack.view()
    running_stack.run_end_to_end_tests(FLASK_URL=f"http://{BLUE}:8000", DASHBOARD_URL="")
    return running_stack.view() - before - 1


@contextmanager
def viewed_all_the_time(stack: Stack, by_tests: Sequence[int]) -> Iterator[Views]:
    """View the page until the context ends, and enough views are acknowledged.

    Then check that each was counted once. So many others may have been counted by the end-to-end
    tests, and those that failed.
    """
    first = stack.view()
    with viewed(stack.url(), PAUSE_SECONDS) as views:
        yield views
        wait_until(lambda: len(views.numbers) >= VIEWS, f"{VIEWS} views", LOAD_SECONDS)
    assert len(set(views.numbers)) == len(views.numbers)
    more = stack.view() - first - 1 - len(views.numbers)
    assert by_tests[0] <= more <= by_tests[-1] + len(views.failed)


def failures(views: Views) -> list[str]:
    """Return the views that failed, unless only because Redis was slow.

    It may be where other tests run beside these; every night it may not.
    """
    return [text for text in views.failed if ALL or not text.endswith(SORRY)]


def another(images: list[str], operator: Operator) -> str:
    """Return an image that does not serve."""
    serves = operator.image(operator.serving())
    return next(image for image in images if image != serves)


def other(colour: str) -> str:
    """Return the other colour."""
    return GREEN if colour == BLUE else BLUE


def test_should_deploy_and_roll_back_without_failing_a_request(
    running_stack: Stack, operator: Operator, images: list[str], smoke_views: int
) -> None:
    # Given
    old = operator.serving()
    old_image, image = operator.image(old), another(images, operator)

    # When
    with viewed_all_the_time(running_stack, [smoke_views]) as views:
        assert operator.deploy(image) == (0, "drain …")

    # Then
    assert not failures(views)
    assert operator.serving() == other(old)
    assert (operator.image(other(old)), operator.image(old)) == (image, old_image)

    # When: the gateway starts anew, and then the operator starts everything by hand
    before = running_stack.containers(other(old))[0].id
    running_stack.command("restart gateway-service")
    running_stack.command("up --detach --wait")

    # Then
    assert operator.serving() == other(old)
    assert running_stack.containers(other(old))[0].id == before

    # When
    with viewed_all_the_time(running_stack, [0]) as views:
        begin = datetime.now(timezone.utc)
        assert operator.run("--roll-back") == (0, "drain …")

    # Then
    assert not failures(views)
    until = max(line.time for line in operator.logged(begin) if line.backend == other(old))
    assert until - begin < timedelta(seconds=ROLL_BACK_SECONDS)
    assert (operator.serving(), operator.image(other(old))) == (old, "")
    assert [line["outcome"] for line in operator.history()[-4:]] == ["started", "done"] * 2

    # When
    status, why = operator.run("--roll-back")

    # Then
    assert (status, why.split(":")[0]) == (1, "check")
    assert operator.serving() == old


@pytest.mark.parametrize("name", TRIED)
def test_should_go_back_from_a_bad_image(
    running_stack: Stack, operator: Operator, registry: Registry, smoke_views: int, name: str
) -> None:
    # Given
    bad = BAD[name]
    image = registry.push(name, bad.code)
    old = operator.serving()
    before, begin = running_stack.containers(old)[0].id, datetime.now(timezone.utc)

    # When
    with viewed_all_the_time(running_stack, range(smoke_views + 1)) as views:
        status, line = operator.deploy(image)

    # Then
    assert status == 1
    assert line.startswith(f"{bad.step}: ") and bad.why in line
    failed = [each.backend for each in operator.logged(begin) if each.status >= 500]
    # Redis was slow for the others.
    assert len(failed) - failed.count(other(old)) <= len(views.failed) - len(failures(views))
    assert bad.step == "canary" or not failures(views)

    # Then
    assert (operator.serving(), operator.image(other(old))) == (old, "")
    assert running_stack.containers(old)[0].id == before
    said = operator.history()[-1]
    assert (said["outcome"], said["step"], said["to"]) == ("failed", bad.step, image)


@pytest.mark.skipif(not ALL, reason="takes half a minute for each step: SLOW_TESTS=all")
@pytest.mark.parametrize("step", STEPS)
def test_should_put_right_a_deploy_that_was_killed(
    running_stack: Stack, operator: Operator, images: list[str], smoke_views: int, step: str
) -> None:
    # Given
    old = operator.serving()
    old_image, image = operator.image(old), another(images, operator)

    # When
    with viewed_all_the_time(running_stack, range(smoke_views + 1)) as views:
        operator.kill_at(step, image)
        status, _ = operator.run("--roll-back")

    # Then
    assert status == 0
    assert not failures(views)
    assert (operator.serving(), operator.image(old)) == (old, old_image)
    assert operator.image(other(old)) == ""


def test_should_refuse_a_second_deploy_at_the_same_time(
    operator: Operator, images: list[str]
) -> None:
    with operator.start(another(images, operator)) as first:
        try:
            assert first.stdout
            assert "look …\n" in iter(first.stdout.readline, "")
            status, why = operator.run("--roll-back")
        finally:
            first.terminate()
            _, errors = first.communicate()
    assert (status, why) == (1, f"lock: another deploy runs: process {first.pid}")
    assert "stopped by SIGTERM" in errors


@pytest.mark.parametrize("image", ["page-tracker-web", "page-tracker-web:latest", "a@sha256:12"])
def test_should_refuse_a_tag(operator: Operator, image: str) -> None:
    status, why = operator.run(image)
    assert status == 1
    assert why.startswith(f"check: {image} is not NAME@sha256:")
