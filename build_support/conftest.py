"""A generated repository that all tests of a run share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from build_support.testing import daemons_stopped_at_the_end, generate, git

SERVICES = 2


@pytest.fixture(scope="session", name="shared_repository")
def _shared_repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("generated")
    generate(root, SERVICES)
    git(root, "checkout", "--quiet", "-b", "change")
    with daemons_stopped_at_the_end(root):
        yield root


@pytest.fixture(name="generated")
def _generated(shared_repository: Path) -> Iterator[Path]:
    """Return the generated repository, on a branch "change" at "main", its first commit."""
    yield shared_repository
    git(shared_repository, "checkout", "--quiet", "--force", "-B", "change", "main")
    git(shared_repository, "clean", "--quiet", "--force", "-d")
