"""Tests of broken links and missing names in documents."""

from pathlib import Path

import pytest

from build_support.pipeline.documentation import broken_promises, is_documentation
from build_support.testing import write


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """Return a repository with a module, a target and a page."""
    write(tmp_path / "libs/area/module.py", "")
    write(tmp_path / "libs/area/module_test.py", "def test_should_work(): pass\n")
    write(tmp_path / "services/web/BUILD", 'docker_image(\n    name="image",\n)\n')
    write(tmp_path / "docs/page.md", "# The page\n\n## What's in `it`, all\n")
    write(tmp_path / "pants", "")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "[the page](docs/page.md), [a part](docs/page.md#whats-in-it-all), [here](#a-title)\n",
        "[elsewhere](https://host.example/docs/none.md)\n",
        "`libs/area/module.py`, `libs/area`, `libs/*/module.py`, `./pants`\n",
        "```console\n$ ./pants run services/web:image\n$ ./pants test libs/area:: libs::\n```\n",
        "`./pants package services/web:web`, `python3 -m libs.area.module`\n",
        "`services/hello/a.py` is an example\n",
        "`libs/area/module_test.py::test_should_work`\n",
        "`http://host/libs/none`, `a/libs/none`, `~/libs/none`, `$HOME/libs/none`, `none/at`\n",
        "A file of old, libs/area/none.py, is not code here.\n",
    ],
)
def test_should_find_nothing_wrong(root: Path, text: str) -> None:
    document = root / "README.md"
    write(document, f"# A title\n\n{text}")
    faults = list(broken_promises(root, document))
    assert not faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a page](docs/none.md)", "the link docs/none.md is broken"),
        ("[a part](docs/page.md#none)", "the link docs/page.md#none is broken"),
        ("[here](#none)", "the link #none is broken"),
        ("`libs/area/none.py`", "there is no libs/area/none.py"),
        ("`libs/none/*.py`", "there is no libs/none/*.py"),
        ("```console\n$ libs/area/none.sh start\n```", "there is no libs/area/none.sh"),
        ("`./pants run services/web:none`", "there is no target services/web:none"),
        (
            "`libs/area/module_test.py::test_should_fail`",
            "there is no test_should_fail in libs/area/module_test.py",
        ),
        ("`python3 -m libs.area.none`", "there is no module libs.area.none"),
    ],
)
def test_should_find_what_is_not_there(root: Path, text: str, fault: str) -> None:
    document = root / "README.md"
    write(document, f"# A title\n\n{text}\n")
    faults = list(broken_promises(root, document))
    assert faults == [fault]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("README.md", True), ("docs/drawing.svg", True), ("libs/a.py", False), ("a.md.py", False)],
)
def test_should_know_documentation_by_its_path(path: str, expected: bool) -> None:
    assert is_documentation(path) is expected
