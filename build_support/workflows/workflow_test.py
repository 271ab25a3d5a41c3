"""Tests that ci.yml fails when a step fails. act runs it with scripts that only report a result."""

import dataclasses
from pathlib import Path

import pytest

from build_support.testing import write
from build_support.workflows.testing import AFFECTED, CONTAINERS, PLAN, REGISTRY, Pipeline

DEPLOYED = f"{REGISTRY}/somebody/page-tracker-web"


@pytest.fixture(name="pipeline")
def _pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def test_should_publish_and_deploy_what_a_push_has_packaged(pipeline: Pipeline) -> None:
    # Given
    write(pipeline.root / ".cache/act/waiting", '[{"databaseId": 7}]')

    # When
    status, output = pipeline.run("push", DEPLOY_IMAGE=DEPLOYED)

    # Then
    assert status == 0, output
    assert "pants package services/web:web" in output
    assert "testing end to end" in output
    assert f"Published `{REGISTRY}/***/page-tracker-web@sha256:0`" in output
    assert "page-tracker-web.cdx.json" in output
    assert "all that is needed has succeeded" in output
    assert pipeline.asked() == [
        "run cancel 7",
        "workflow run deploy.yml --ref main --raw-field digest=sha256:0",
    ]


def test_should_deploy_only_the_image_that_settings_name(pipeline: Pipeline) -> None:
    status, output = pipeline.run(
        "push", DEPLOY_IMAGE=f"{REGISTRY}/somebody/page-tracker-dashboard"
    )
    assert status == 0, output
    assert "Published" in output
    assert not pipeline.asked()


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
    status, output = pipeline.run("push", DEPLOY_IMAGE=DEPLOYED)
    assert status != 0
    assert not pipeline.asked()
    assert f"{job} is needed, and its result is: failure" in output
    assert "has succeeded" not in output
