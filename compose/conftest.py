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
        for service in ("WEB", "DASHBOARD", "REDIS"):
            environment.setenv(f"{service}_PORT", "0")
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
        report.sections.append(("logs of the containers", str(stack.docker.compose.logs())))
    return report
