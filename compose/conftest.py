"""Fixtures that share one stack among all tests of a run."""

import subprocess
from collections.abc import Generator, Iterator

import pytest

from compose.testing import MAKE_SECRETS, Stack


@pytest.fixture(scope="session", name="running_stack")
def _running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    secrets = tmp_path_factory.mktemp("stack") / "secrets"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SECRETS_DIR", str(secrets))
        for name in ("WEB", "TLS", "REDIS"):
            environment.setenv(f"{name}_PORT", "0")
        for name in ("WEB_IMAGE", "COMPOSE_PROFILES"):
            environment.setenv(name, "")  # not what deploy.py has deployed from this clone
        environment.setenv("ADDRESS_REQUESTS", "1000000")  # all tests have the same address
        subprocess.run([MAKE_SECRETS], check=True)
        stack = Stack(secrets)
        try:
            yield stack
        finally:
            stack.remove()


@pytest.fixture(name="stack")
def _stack(running_stack: Stack) -> Stack:
    """Return the running stack of the session; earlier tests may have counted views."""
    if not running_stack.is_healthy():
        running_stack.up()
    return running_stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of the containers to the report of a failed test."""
    report = yield
    stack = item.funcargs.get("running_stack")
    if report.failed and isinstance(stack, Stack):
        logs = str(stack.docker.compose.logs(tail="100"))
        report.sections.append(("logs of the containers", logs))
    return report
