"""Tests of the flags with flagd's own schema, which its JavaScript has; needs Node and npm."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

FILE = Path("compose/flags/flags.json")


@pytest.fixture(scope="module", name="flagd")
def _flagd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("flagd")
    shutil.copytree("compose/flags/flagd", directory, dirs_exist_ok=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=directory, check=True)
    return directory


@pytest.mark.parametrize(
    ("definition", "error"),
    [
        ({}, ""),
        ({"state": "ON"}, "must be equal to one of the allowed values"),
        ({"variants": {}}, "must NOT have fewer than 1 properties"),
        ({"targeting": {"fractional": [["pill", "10"]]}}, "must be integer"),
        ({"targeting": {"fraction": []}}, "must NOT have additional properties"),
    ],
)
def test_should_follow_the_schema(
    flagd: Path, tmp_path: Path, definition: dict[str, object], error: str
) -> None:
    content = json.loads(FILE.read_text(encoding="utf-8"))
    content["flags"]["badge-style"].update(definition)
    file = tmp_path / "flags.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    command = ["node", str(flagd / "check_flags.mjs"), str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == bool(error), run.stderr
    assert error in run.stderr
