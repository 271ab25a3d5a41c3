"""Imports that the design forbids stop Pants: service to service, and library to service."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

DEPENDENTS_RULE = (
    '__dependents_rules__(("<docker_image>", "/**", "//compose/**", "!*"), ("*", "/**", "!*"))'
)
DEPENDENCIES_RULE = '__dependencies_rules__(("*", "//libs/**", "//3rdparty/**", "!*"))'


@pytest.mark.parametrize("build_file", sorted(Path("services").glob("*/BUILD")), ids=str)
def test_should_let_nobody_import_a_service(build_file: Path) -> None:
    assert build_file.read_text().startswith(DEPENDENTS_RULE)


@pytest.mark.parametrize("build_file", sorted(Path("libs").glob("*/BUILD")), ids=str)
def test_should_let_a_library_import_libraries_only(build_file: Path) -> None:
    assert build_file.read_text().startswith(DEPENDENCIES_RULE)


@pytest.fixture(name="repository")
def _repository(tmp_path: Path) -> Iterator[Path]:
    """A repository with this one's build configuration and an empty web service."""
    shutil.copytree("3rdparty", tmp_path / "3rdparty")
    shutil.copy("pants", tmp_path)
    shutil.copy("pants.toml", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    add_module(tmp_path, "services/web", DEPENDENTS_RULE, "")
    yield tmp_path
    for pid_file in tmp_path.glob(".pids/*/pantsd/pid"):
        daemon = psutil.Process(int(pid_file.read_text()))
        daemon.kill()
        daemon.wait(5)


def add_module(repository: Path, directory: str, rule: str, code: str) -> None:
    """Add a directory with a rule and one module."""
    (repository / directory).mkdir(parents=True)
    (repository / directory / "BUILD").write_text(f"{rule}\npython_sources()\n")
    (repository / directory / "module.py").write_text(code)


def test_should_stop_at_a_forbidden_import(repository: Path) -> None:
    # Given
    importers = {"services/other": DEPENDENTS_RULE, "libs/other": DEPENDENCIES_RULE}
    for importer, rule in importers.items():
        add_module(repository, importer, rule, "import services.web.module\n")

    # When
    runs = [
        subprocess.run(
            ["./pants", "dependencies", f"{importer}/module.py"],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
        )
        for importer in importers
    ]

    # Then
    for importer, run in zip(importers, runs):
        assert run.returncode == 1
        assert "DependencyRuleActionDeniedError" in run.stderr
        assert f"python_sources {importer}/module.py -> python_sources services/web" in run.stderr
