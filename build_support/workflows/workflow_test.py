"""Tests that ci.yml fails when a step fails. act runs it with scripts that only report a result."""

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from build_support.pipeline.plan import Plan
from build_support.testing import REPOSITORY, commit, git, write

PLAN = Plan(test=["a_test.py:tests"], package=["services/web:web"], e2e=True)
COPIED = (
    *(".github", "3rdparty/python", "build_support/pipeline", "build_support/workflows"),
    *("build_support/lib.sh", "build_support/locks/run_tool.sh"),
)
AFFECTED = "build_support/pipeline/affected.py"
CONTAINERS = "build_support/containers"
REGISTRY = "127.0.0.1:1"


class Pipeline:
    """The workflow with scripts that print what they would do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
            copy(REPOSITORY / name, root / name)
        self.decide(PLAN)
        self.script("pants", "echo pants $*")
        self.script(f"{CONTAINERS}/start_engine.sh", "echo starting an engine")
        self.script(f"{CONTAINERS}/make_base_images.sh", "echo making base images")
        self.script(f"{CONTAINERS}/test_end_to_end.sh", "echo testing end to end")
        self.script(f"{CONTAINERS}/publish_image.sh", 'echo "{}" > $1.cdx.json && echo sha256:0')
        self.script("bin/docker", "echo sha256:1")
        write(
            root / "dist/services.web/web.docker-info.json",
            '{"registries": [{"tags": [{"name": "page-tracker-web:1"}]}]}',
        )

    def decide(self, plan: Plan) -> None:
        """Let affected.py print the plan."""
        self.script(AFFECTED, f"echo '{plan.to_json()}'")

    def script(self, path: str, line: str) -> None:
        """Write an executable one-line script."""
        write(self.root / path, f"#!/bin/sh\n{line}\n")
        (self.root / path).chmod(0o755)

    def run(self, event: str) -> tuple[int, str]:
        """Run the workflow for an event; return its exit status and output."""
        git(self.root, "init", "--quiet", "--initial-branch=main")
        git(self.root, "add", "--all", "--force")
        commit(self.root)
        path = f"{self.root}/bin:{os.environ['PATH']}"
        run = subprocess.run(
            [self.root / "build_support/workflows/run_workflow.sh", event],
            env=dict(os.environ, PATH=path, ACT_REGISTRY=REGISTRY),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return run.returncode, run.stdout


@pytest.fixture(name="pipeline")
def _pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def test_should_publish_what_a_push_has_packaged(pipeline: Pipeline) -> None:
    # When
    status, output = pipeline.run("push")

    # Then
    assert status == 0, output
    assert "pants package services/web:web" in output
    assert "testing end to end" in output
    assert f"Published `{REGISTRY}/***/page-tracker-web@sha256:0`" in output
    assert "page-tracker-web.cdx.json" in output
    assert "all that is needed has succeeded" in output


def test_should_not_publish_a_pull_request(pipeline: Pipeline) -> None:
    status, output = pipeline.run("pull_request")
    assert status == 0, output
    assert "Published" not in output
    assert "all that is needed has succeeded" in output


def test_should_not_publish_what_was_packaged_for_the_stack_alone(pipeline: Pipeline) -> None:
    pipeline.decide(dataclasses.replace(PLAN, package=[], stack=PLAN.package))
    status, output = pipeline.run("push")
    assert status == 0, output
    assert "pants package services/web:web" in output
    assert "Published" not in output


def test_should_skip_what_is_not_needed(pipeline: Pipeline) -> None:
    # Given
    pipeline.decide(dataclasses.replace(PLAN, package=[], e2e=False))

    # When
    status, output = pipeline.run("push")

    # Then
    assert status == 0, output
    assert "lint check test a_test.py:tests" in output
    assert "starting an engine" not in output
    assert "Published" not in output
    assert "all that is needed has succeeded" in output


@pytest.mark.parametrize(
    ("script", "line", "job"),
    [
        (AFFECTED, "exit 1", "checks"),
        (AFFECTED, "echo '{}'", "checks"),
        ("pants", "[ $1 = package ]", "checks"),
        ("pants", "[ $1 != package ]", "checks"),
        (f"{CONTAINERS}/start_engine.sh", "exit 1", "checks"),
        (f"{CONTAINERS}/make_base_images.sh", "exit 1", "checks"),
        (f"{CONTAINERS}/test_end_to_end.sh", "exit 1", "checks"),
        ("bin/docker", "exit 1", "checks"),
        (f"{CONTAINERS}/publish_image.sh", "exit 1", "publish"),
        (f"{CONTAINERS}/publish_image.sh", "echo no digest", "publish"),
    ],
)
def test_should_be_red_when_a_step_fails(
    pipeline: Pipeline, script: str, line: str, job: str
) -> None:
    pipeline.script(script, line)
    status, output = pipeline.run("push")
    assert status != 0
    assert f"{job} is needed, and its result is: failure" in output
    assert "has succeeded" not in output
