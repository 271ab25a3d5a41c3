"""Tests of the gate, and of the address of an image."""

from pathlib import Path
from typing import Any

import pytest

from build_support.pipeline.github import faults_of, image_address

SUCCESS = {"result": "success", "outputs": {"publish": '["page-tracker-web"]'}}
JOBS = ("checks", "publish")


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped"])
def test_should_let_no_needed_job_be_missing(job: str, result: str) -> None:
    needs = {name: dict(SUCCESS) for name in JOBS}
    needs[job]["result"] = result
    faults = faults_of(needs, pushed=True)
    assert faults == [f"{job} is needed, and its result is: {result}"]


@pytest.mark.parametrize(
    ("pushed", "published", "faults"),
    [(False, '["page-tracker-web"]', 0), (True, "[]", 0), (True, '["page-tracker-web"]', 1)],
)
def test_should_let_publishing_be_skipped_only_rightly(
    pushed: bool, published: str, faults: int
) -> None:
    needs: dict[str, dict[str, Any]] = {
        "checks": {"result": "success", "outputs": {"publish": published}},
        "publish": {"result": "skipped"},
    }
    assert len(faults_of(needs, pushed=pushed)) == faults


def test_should_know_which_image_a_file_is_about() -> None:
    info = Path("dist/services.web/web.docker-info.json")
    assert image_address(info) == "services/web:web"
