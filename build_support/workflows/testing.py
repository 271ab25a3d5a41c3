"""A copy of the workflows for tests, with scripts that only report what they would do."""

import os
import shutil
import subprocess
from pathlib import Path

from build_support.pipeline.plan import Plan
from build_support.testing import REPOSITORY, commit, git, write

PLAN = Plan(test=["a_test.py:tests"], package=["services/web:web"], e2e=True)
REGISTRY = "127.0.0.1:1"

AFFECTED = "build_support/pipeline/affected.py"
CONTAINERS = "build_support/containers"

_COPIED = (
    *(".github", "3rdparty/python", "build_support/pipeline", "build_support/workflows"),
    *("build_support/lib.sh", "build_support/locks/run_tool.sh", "build_support/deploy"),
)


class Pipeline:
    """The workflow with scripts that print what they would do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in _COPIED:
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

    def run(self, event: str, *options: str, **settings: str) -> tuple[int, str]:
        """Run run_workflow.sh for an event; return its exit status and output.

        options are a workflow and its inputs, and settings variables of the environment.
        """
        git(self.root, "init", "--quiet", "--initial-branch=main")
        git(self.root, "add", "--all", "--force")
        commit(self.root)
        path = f"{self.root}/bin:{os.environ['PATH']}"
        run = subprocess.run(
            [self.root / "build_support/workflows/run_workflow.sh", event, *options],
            env={**os.environ, **settings, "PATH": path, "ACT_REGISTRY": REGISTRY},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return run.returncode, run.stdout

    def asked(self) -> list[str]:
        """Return what gh was asked to cancel or start."""
        file = self.root / ".cache/act/asked"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
