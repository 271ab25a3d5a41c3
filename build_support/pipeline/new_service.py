"""Check that docs/adding-a-service.md leads to a working service in one new directory.

    python3 -m build_support.pipeline.new_service

Writes the files and runs the commands of the page in a clone of the last commit. All must succeed,
and the pipeline must then select exactly the new service. Needs a Docker engine and base images.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from build_support.pipeline.plan import plan_from_json
from build_support.testing import daemons_stopped_at_the_end, git, write

_PAGE = Path("docs/adding-a-service.md")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"`(services/hello/[^`]+)`")
_IMAGE_PREFIX = f"new-service-{os.getpid()}/"


def follow(page: str, root: Path) -> None:
    """Write the files of the page into root and run its commands; exit if one fails."""
    position = 0
    for fence in _FENCE.finditer(page):
        language, text = fence.groups()
        if language == "console":
            for command in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
                run(root, "bash", "-c", command)
        else:
            path = _FILE.findall(page[position : fence.start()])[-1]
            write(root / path, text)
        position = fence.end()


def run(root: Path, *command: str) -> str:
    """Run a command in root; return its output, or exit if it fails."""
    print(f"$ {command[-1]}", flush=True)
    environment = dict(os.environ, IMAGE_PREFIX=_IMAGE_PREFIX)
    environment.pop("PANTS_CONFIG_FILES", None)  # readers of the page are not CI
    done = subprocess.run(
        command, cwd=root, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit(f"a command in {_PAGE} failed")
    return done.stdout


def main() -> int:
    """Follow the page; return 0 if the pipeline selects exactly the new service."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "clone"
        git(Path(), "clone", "--quiet", ".", str(root))
        with daemons_stopped_at_the_end(root):
            try:
                follow(_PAGE.read_text(encoding="utf-8"), root)
                affected = "build_support/pipeline/affected.py"
                plan = plan_from_json(run(root, affected, "--base", "HEAD", "--json"))
            finally:
                image = f"{_IMAGE_PREFIX}page-tracker-hello"
                found = subprocess.run(["docker", "image", "rm", f"{image}:latest"], check=False)
                subprocess.run(
                    ["docker", "image", "rm", f"{image}:{git(root, 'rev-parse', 'HEAD')}"],
                    check=False,
                )
    # The others look at the first line of every BUILD file, look for flags in the code of every
    # service, and serve them all.
    tests = [
        "build_support/macros_test.py:tests",
        "compose/flags/flags_test.py:unit",
        "services/hello/app_test.py:unit",
        "services/serve_integration_test.py:integration",
    ]
    expected = (False, tests, ["services/hello:hello"])
    selected = (plan.everything, plan.test, plan.package)
    print(f"selected: {selected}")
    return 0 if selected == expected and found.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
