"""Tests of what Prometheus collects, when alerts fire, and that each says what to do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path("compose/monitoring")
PROMTOOL = ("build_support/monitoring/prometheus.sh", "promtool")

needs_promtool = pytest.mark.skipif(
    not (shutil.which("promtool") or shutil.which("apt-get")), reason="there is no promtool"
)


@needs_promtool
@pytest.mark.timeout(300)  # it may have to be downloaded
@pytest.mark.parametrize(
    "arguments", [("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")]
)
def test_should_pass_promtool(arguments: tuple[str, str, str]) -> None:
    *command, file = arguments
    run = subprocess.run(
        [*PROMTOOL, *command, HERE / file], check=False, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_should_say_what_to_do_about_each_alert() -> None:
    rules = (HERE / "rules.yml").read_text("utf-8")
    sections = re.findall(r"^## (\w+)$", Path("docs/runbook.md").read_text("utf-8"), re.MULTILINE)
    assert re.findall(r"- alert: (\w+)", rules) == sections
    links = re.findall(r"runbook: docs/runbook.md#(\w+)$", rules, re.MULTILINE)
    assert links == [section.lower() for section in sections]


def test_should_test_that_each_alert_fires() -> None:
    rules = (HERE / "rules.yml").read_text("utf-8")
    tested = re.findall(r'alertname="(\w+)"', (HERE / "rules_test.yml").read_text("utf-8"))
    assert set(tested) == set(re.findall(r"- alert: (\w+)", rules))
