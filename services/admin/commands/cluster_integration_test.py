"""Tests of the commands on a Redis Cluster, where each site has its own slot."""

import json
from pathlib import Path

import pytest

from libs.redis_access.cluster_testing import cluster_url
from libs.redis_access.urls import VARIABLE
from services.admin.commands.conftest import run_anywhere

__all__ = ["cluster_url"]

LINE = (
    '203.0.113.9 - - [10/Oct/2025:13:00:36 +0000] "GET /a HTTP/1.1" 200 9 "-" '
    '"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"\n'
)


def run(command: str, *more: str, answers: str = "") -> str:
    """Run a command, which must succeed; return what it prints."""
    result = run_anywhere(command, *more, answers=answers)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_should_manage_sites_and_accounts(
    cluster_url: str,  # pylint: disable=redefined-outer-name  # a fixture
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    # Given
    monkeypatch.setenv(VARIABLE, cluster_url)
    log, export = tmp_path / "log", tmp_path / "export.gz"
    log.write_text(LINE, encoding="utf-8")

    # When
    run("migrate")
    for i in range(4):
        run(f"sites add {i}.example")
    run("seed 0.example --views 3 --visitors 1 --path /a")
    run("sites set 1.example --public")
    for _ in range(2):
        run("import log 1.example --yes", str(log))
    run("export --output", str(export))
    run("load --replace", str(export))
    run("reset 0.example --path /a")
    run("sites rename 2.example new.example")
    run("sites remove 3.example --yes")
    run("tokens add 1.example --right read")
    run("accounts add ada --password-file -", answers="correct horse battery\n")
    run("accounts sign-out --all")

    # Then
    listed = {site["name"]: site for site in json.loads(run("sites list --json"))}
    assert [*listed] == ["0.example", "1.example", "new.example"]
    assert listed["0.example"]["views"] == 3
    assert (listed["1.example"]["views"], listed["1.example"]["public"]) == (1, True)
    assert run("check").count("all numbers fit") == len(listed)
    assert run("check --clean") == run("check")
    assert len(json.loads(run("tokens list 1.example --json"))) == 1
    assert json.loads(run("accounts list --json"))[0]["name"] == "ada"
