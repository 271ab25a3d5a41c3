"""Red is red: ci.yml, run by act on a repository whose scripts do nothing but succeed or fail."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PLAN = {
    "everything": False,
    "reasons": ["a test wants it"],
    "lint": ["a"],
    "check": ["a"],
    "test": ["a"],
    "package": ["services/web:web"],
    "e2e": True,
}
SUCCESS = {"result": "success", "outputs": {"publish": '["page-tracker-web"]'}}
JOBS = ("checks", "publish")


class Pipeline:
    """The workflow, and scripts that say what they would do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(".github", root / ".github")
        shutil.copytree("3rdparty/python", root / "3rdparty/python")
        (root / ".ci").mkdir()
        for name in ("act", "github", "tool"):
            shutil.copy(f".ci/{name}", root / ".ci" / name)
        shutil.copytree(".ci/stand-ins", root / ".ci/stand-ins")
        self.script(".ci/affected", f"echo '{json.dumps(PLAN)}'")
        self.script(".ci/stage", "echo stage $1")
        self.script(".ci/engine", "echo engine $1")
        self.script(".ci/base-images", "echo base images")
        self.script(".ci/publish", 'echo "{}" > $1.cdx.json && echo sha256:0')
        self.script("bin/docker", "echo sha256:1")
        info = root / "dist/services.web/web.docker-info.json"
        info.parent.mkdir(parents=True)
        info.write_text('{"registries": [{"tags": [{"name": "page-tracker-web:1"}]}]}')

    def script(self, path: str, line: str) -> None:
        """Write a script of one line."""
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_text(f"#!/bin/sh\n{line}\n")
        (self.root / path).chmod(0o755)

    def run(self, event: str) -> tuple[int, str]:
        """Run the workflow for an event; return its exit status and what it printed."""
        for command in (
            "git init --quiet --initial-branch=main",
            "git add --all --force",
            "git -c user.name=us -c user.email=us@host.example commit --quiet --message=one",
        ):
            subprocess.run(command.split(), cwd=self.root, check=True)
        path = f"{self.root}/bin:{os.environ['PATH']}"
        run = subprocess.run(
            [".ci/act", event],
            cwd=self.root,
            env=dict(os.environ, PATH=path, ACT_REGISTRY="127.0.0.1:1"),
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
    assert "stage e2e" in output
    assert "Published `127.0.0.1:1/***/page-tracker-web@sha256:0`" in output
    assert "page-tracker-web.cdx.json" in output
    assert "all that is needed has succeeded" in output


def test_should_not_publish_a_pull_request(pipeline: Pipeline) -> None:
    # When
    status, output = pipeline.run("pull_request")

    # Then
    assert status == 0, output
    assert "Published" not in output
    assert "all that is needed has succeeded" in output


def test_should_skip_what_is_not_needed(pipeline: Pipeline) -> None:
    # Given
    plan = PLAN | {"package": [], "e2e": False}
    pipeline.script(".ci/affected", f"echo '{json.dumps(plan)}'")
    shutil.rmtree(pipeline.root / "dist")

    # When
    status, output = pipeline.run("push")

    # Then
    assert status == 0, output
    assert "engine start" not in output
    assert "Published" not in output
    assert "all that is needed has succeeded" in output


@pytest.mark.parametrize(
    ("script", "line", "job"),
    [
        (".ci/affected", "exit 1", "checks"),
        (".ci/stage", "[ $1 != lint ]", "checks"),
        (".ci/stage", "[ $1 != check ]", "checks"),
        (".ci/stage", "[ $1 != test ]", "checks"),
        (".ci/engine", "exit 1", "checks"),
        (".ci/base-images", "exit 1", "checks"),
        (".ci/stage", "[ $1 != package ]", "checks"),
        ("bin/docker", "exit 1", "checks"),
        (".ci/stage", "[ $1 != e2e ]", "checks"),
        (".ci/publish", "exit 1", "publish"),
        (".ci/publish", "echo no digest", "publish"),
    ],
)
def test_should_be_red_when_a_step_fails(
    pipeline: Pipeline, script: str, line: str, job: str
) -> None:
    # Given
    pipeline.script(script, line)

    # When
    status, output = pipeline.run("push")

    # Then
    assert status != 0
    assert f"{job} is needed, and its result is: failure" in output
    assert "has succeeded" not in output


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped"])
def test_should_let_no_needed_job_be_missing(tmp_path: Path, job: str, result: str) -> None:
    # When
    status, output = judge(tmp_path, "push", {job: {"result": result}})

    # Then
    assert status == 1
    assert f"{job} is needed, and its result is: {result}" in output


@pytest.mark.parametrize(
    ("event", "published"), [("pull_request", '["page-tracker-web"]'), ("push", "[]")]
)
def test_should_let_publishing_be_skipped_only_rightly(
    tmp_path: Path, event: str, published: str
) -> None:
    # Given
    needs: dict[str, dict[str, object]] = {
        "checks": {"outputs": {"publish": published}},
        "publish": {"result": "skipped"},
    }

    # When
    status, _ = judge(tmp_path, event, needs)

    # Then
    assert status == 0


def judge(root: Path, event: str, needs: dict[str, dict[str, object]]) -> tuple[int, str]:
    """What the gate says of jobs that differ from success only as needs say."""
    (root / ".ci").mkdir()
    shutil.copy(".ci/github", root / ".ci")
    results = {job: SUCCESS | needs.get(job, {}) for job in JOBS}
    run = subprocess.run(
        [".ci/github", "gate"],
        cwd=root,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_SHA": "0",
            "NEEDS": json.dumps(results),
        },
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    return run.returncode, run.stdout
