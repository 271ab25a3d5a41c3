"""A repository of any size, of the same shape as this one, and built in the same way.

Its services are small, so that what is measured in it is the build and not the code.
"""

import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

SERVICES_PER_LIBRARY = 5
"""That many services share a library; all share libs/common."""

_BUILD = {
    "libs": """\
python_sources()

python_tests(
    name="tests",
)
""",
    "services": """\
python_sources(
    dependencies=[":text"],  # read as a file
)

resource(
    name="text",
    source="text.txt",
)

python_test_utils(
    name="test_utils",
)

python_tests(
    name="tests",
)

docker_image(
    name="image",
)

pex_binary(
    name="own",
    dependencies=["services/{name}"],
)
""",
    "compose": """\
files(
    sources=["*.yaml"],
)

python_tests(
    name="tests",
    dependencies=[":compose"],
    runtime_package_dependencies=["services/s0:image"],
    skip_tests=not env("DEPLOYMENT_TESTS"),
    tags=["deployment"],
)
""",
}


def generate(root: Path, services: int) -> None:
    """Write a repository with so many services into root, and commit it."""
    for name in ("pants", "pants.toml"):
        shutil.copy(REPOSITORY / name, root / name)
    _write(root / "pyproject.toml", '[tool.pytest.ini_options]\naddopts = ["--strict-config"]\n')
    _write(root / ".gitignore", ".*\n!.ci/\n!.gitignore\ndist/\n")
    shutil.copytree(REPOSITORY / "3rdparty", root / "3rdparty")
    (root / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci/affected", root / ".ci/affected")
    _write_library(root, "common", [])
    for number in range(services):
        library = f"area{number // SERVICES_PER_LIBRARY}"
        if not (root / "libs" / library).exists():
            _write_library(root, library, ["common"])
        _write_service(root, f"s{number}", library)
    _write(root / "compose/BUILD", _BUILD["compose"])
    _write(root / "compose/compose.yaml", "services: {}\n")
    _write(root / "compose/stack_test.py", "def test_should_pass() -> None:\n    pass\n")
    _write(root / "docs/guide.md", "# Guide\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root)


def git(root: Path, *arguments: str) -> str:
    """What Git prints in root."""
    identity = ["-c", "user.name=us", "-c", "user.email=us@host.example"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def commit(root: Path) -> str:
    """Commit all that is in root; return the commit."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message=change")
    return git(root, "rev-parse", "HEAD")


def _write_library(root: Path, name: str, imports: list[str]) -> None:
    directory = root / "libs" / name
    lines = [f"from libs.{module}.value import VALUE as {module.upper()}\n" for module in imports]
    terms = " + ".join(["1", *map(str.upper, imports)])
    _write(directory / "BUILD", _BUILD["libs"])
    _write(directory / "value.py", "".join([*lines, f"\nVALUE = {terms}\n"]).lstrip())
    _write(
        directory / "value_test.py",
        f"from libs.{name}.value import VALUE\n\n\n"
        f"def test_should_be_right() -> None:\n    assert VALUE == {1 + len(imports)}\n",
    )


def _write_service(root: Path, name: str, library: str) -> None:
    directory = root / "services" / name
    _write(directory / "BUILD", _BUILD["services"].format(name=name))
    _write(directory / "text.txt", "seen\n")
    _write(
        directory / "app.py",
        f"from pathlib import Path\n\nfrom libs.{library}.value import VALUE\n\n"
        'TEXT = (Path(__file__).parent / "text.txt").read_text()\n'
        "ANSWER = VALUE + len(TEXT)\n",
    )
    _write(
        directory / "conftest.py",
        "import pytest\n\n\n@pytest.fixture\ndef answer() -> int:\n    return 7\n",
    )
    _write(
        directory / "app_test.py",
        f"from services.{name}.app import ANSWER\n\n\n"
        "def test_should_answer(answer: int) -> None:\n    assert ANSWER == answer\n",
    )
    _write(directory / "Dockerfile", f"FROM scratch\nCOPY services.{name}/own.pex /own.pex\n")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
