"""Run the stages of a plan, each as soon as the stages before it have passed.

    build_support/pipeline/affected.py --base origin/main --json >plan.json
    python3 -m build_support.pipeline.stages plan.json           # all stages of the plan
    python3 -m build_support.pipeline.stages plan.json images    # only this stage

Shows a stage's output when it ends, so outputs do not mix. Exit status: 0 if all stages pass.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from build_support.pipeline.plan import Plan, plan_from_json

BUILD_FILES = ("tailor", "--check", "update-build-files", "--check")
ENGINE = (
    ("build_support/containers/start_engine.sh",),
    ("build_support/containers/make_base_images.sh", "logging"),
)
BROWSER = "build_support/browsers/install_chromium.sh"

_STOP_SECONDS = 60
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Stage:
    """Commands to run in order after the stages named in after have passed."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """How a stage ended."""

    name: str
    green: bool
    seconds: float


def stages_of(plan: Plan) -> list[Stage]:
    """Return the stages for the plan, none if nothing is affected.

    Pants serves one command at a time, so the two stages that use it run in order; other stages run
    beside them.
    """
    images = bool(plan.package or plan.e2e)
    stages = []
    if plan.documents:
        stages.append(Stage("documents", (python("documentation"), python("line_length"))))
    if plan.workflows:
        stages.append(Stage("workflows", (("build_support/workflows/check_workflows.sh",),)))
    if images:
        stages += [
            Stage("engine", ENGINE),
            Stage("images", (_images_command(plan),), after=("engine",)),
        ]
    code = _code_commands(plan)
    before_code = ["images"] if images else []
    if plan.everything or any("_browser_test.py" in address for address in plan.test):
        # Two stages cannot install packages at the same time.
        stages.append(Stage("browser", ((BROWSER,),), after=("engine",) if images else ()))
        before_code.append("browser")
    if code:
        stages.append(Stage("code", code, after=tuple(before_code)))
    if plan.e2e:
        end_to_end = ("build_support/containers/test_end_to_end.sh",)
        stages.append(Stage("end to end", (end_to_end,), after=("images",)))
    return stages


def python(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of the pipeline."""
    return (sys.executable, "-m", f"build_support.pipeline.{module}")


def _images_command(plan: Plan) -> tuple[str, ...]:
    """Return the command that makes the affected images and those of the stack."""
    if plan.everything:
        return ("./pants", "--filter-target-type=docker_image", "package", "::")
    return ("./pants", "package", *sorted({*plan.package, *plan.stack}))


def _code_commands(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the commands to lint, type-check and test, with as few starts of Pants as possible."""
    if plan.everything:
        return (("./pants", *BUILD_FILES, "lint", "check", "::"), ("./pants", "test", "::"))
    affected = sorted({*plan.lint, *plan.check, *plan.test, *plan.deployment})
    commands: list[tuple[str, ...]] = []
    if plan.moved_files:
        commands.append(("./pants", *BUILD_FILES, "::"))
    if affected:
        commands.append(("./pants", "lint", "check", "test", *affected))
    return tuple(commands)


def run_stages(
    stages: Sequence[Stage], report: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Run each stage as soon as its predecessors have passed; stop all at the first failure.

    Calls report with each result immediately. A stage that was stopped or not begun has no result.
    """
    waiting, running, results = list(stages), dict[str, _Running](), list[Result]()
    try:
        while waiting or running:
            for name, stage in list(running.items()):
                if (result := stage.result()) is not None:
                    del running[name]
                    results.append(result)
                    report(result)
                    if not result.green:
                        return results
            green = {result.name for result in results}
            for each in [stage for stage in waiting if green.issuperset(stage.after)]:
                waiting.remove(each)
                running[each.name] = _Running(each)
            time.sleep(_POLL_SECONDS)
    finally:
        for stage in running.values():
            stage.stop()
    return results


def passed(stages: Sequence[Stage], results: Sequence[Result]) -> bool:
    """Return whether every stage ran and passed."""
    return len(results) == len(stages) and all(result.green for result in results)


class _Running:
    """A running stage, whose commands run in order in their own shell."""

    def __init__(self, stage: Stage) -> None:
        self.name = stage.name
        self._begin = time.monotonic()
        # pylint: disable=consider-using-with  # both end with the stage
        self._output = tempfile.TemporaryFile()
        # With a trap, bash waits for the command that is told to stop, too.
        script = (
            "trap 'exit 143' TERM; "
            'while (($#)); do n=$1; "${@:2:n}" || exit; shift $((n + 1)); done'
        )
        words = [word for command in stage.commands for word in (str(len(command)), *command)]
        self._process = subprocess.Popen(
            ["bash", "-c", script, stage.name, *words],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        print(f"=== {stage.name}: begins", flush=True)

    def result(self) -> Result | None:
        """Return the result and show the output if the stage has ended, else return None."""
        status = self._process.poll()
        if status is None:
            return None
        seconds = time.monotonic() - self._begin
        self._show(f"{'green in' if status == 0 else 'RED after'} {seconds:.0f} s")
        return Result(self.name, status == 0, seconds)

    def stop(self) -> None:
        """Stop the stage after it has cleaned up; kill it after 60 s."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._show("stopped")

    def _show(self, how_it_ended: str) -> None:
        self._output.seek(0)
        output = self._output.read().decode("utf-8", errors="replace")
        self._output.close()
        print(f"\n{output}\n=== {self.name}: {how_it_ended}", flush=True)


def _environment() -> dict[str, str]:
    """Return the environment for all stages."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, stdout=subprocess.PIPE)
    return {
        # Enable tests that otherwise run only when named on the command line.
        "BROWSER_TESTS": "all",
        "SLOW_TESTS": "some",
        "STACK_TESTS": uuid4().hex,
        # Two engines have a job of their own every night.
        "SWARM_TESTS": "",
        "SCREENSHOTS_DIR": str(Path(".cache/screenshots").absolute()),
        **os.environ,
        # Use this commit's images for the stack, even if others are packaged meanwhile.
        "IMAGE_TAG": commit.stdout.decode().strip(),
    }


def main() -> int:
    """Run the stages of a plan; return the exit status."""
    parser = argparse.ArgumentParser(description="Run what a plan asks for.")
    parser.add_argument("plan", type=Path, help="a file with the output of affected.py --json")
    parser.add_argument("stage", nargs="*", help="run only these, without waiting for others")
    options = parser.parse_args()
    stages = stages_of(plan_from_json(options.plan.read_text(encoding="utf-8")))
    if missing := set(options.stage).difference(stage.name for stage in stages):
        parser.error(f"the plan has no stage named {', '.join(sorted(missing))}")
    if options.stage:
        stages = [Stage(each.name, each.commands) for each in stages if each.name in options.stage]
    return 0 if passed(stages, run_stages(stages)) else 1


if __name__ == "__main__":
    sys.exit(main())
