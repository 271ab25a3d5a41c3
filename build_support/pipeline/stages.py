"""What is run for a plan: stages, of which each begins as soon as those before it have passed.

    build_support/pipeline/affected.py --base origin/main --json >plan.json
    python3 -m build_support.pipeline.stages plan.json           # all that the plan asks for
    python3 -m build_support.pipeline.stages plan.json images    # this stage alone

A stage's output is shown when it ends, so that outputs do not mix. Exit status: 0 if all is green.
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
ENGINE = ("start_engine.sh", "make_base_images.sh")

_STOP_SECONDS = 60
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Stage:
    """Commands that run one after the other, once the stages that are named in after are green."""

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
    """Return the stages that the plan asks for; none if nothing is affected.

    Pants serves one command at a time, so the two stages that use it follow one another; what needs
    no Pants runs beside them.
    """
    images = bool(plan.package or plan.e2e)
    stages = []
    if plan.documents:
        stages.append(Stage("documents", (python("documentation"), python("line_length"))))
    if plan.workflows:
        stages.append(Stage("workflows", (("build_support/workflows/check_workflows.sh",),)))
    if images:
        stages += [
            Stage("engine", tuple((f"build_support/containers/{script}",) for script in ENGINE)),
            Stage("images", (_images_command(plan),), after=("engine",)),
        ]
    code = _code_commands(plan)
    if code:
        stages.append(Stage("code", code, after=("images",) if images else ()))
    if plan.e2e:
        end_to_end = ("build_support/containers/test_end_to_end.sh",)
        stages.append(Stage("end to end", (end_to_end,), after=("images",)))
    return stages


def python(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of the pipeline."""
    return (sys.executable, "-m", f"build_support.pipeline.{module}")


def _images_command(plan: Plan) -> tuple[str, ...]:
    """Return the command that makes the images which are affected, or which the stack needs."""
    if plan.everything:
        return ("./pants", "--filter-target-type=docker_image", "package", "::")
    return ("./pants", "package", *sorted({*plan.package, *plan.stack}))


def _code_commands(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the commands that lint, type-check and test, in as few starts of Pants as possible."""
    if plan.everything:
        return (("./pants", *BUILD_FILES, "lint", "check", "::"), ("./pants", "test", "::"))
    affected = sorted({*plan.lint, *plan.check, *plan.test, *plan.deployment})
    commands: list[tuple[str, ...]] = []
    if plan.moved_files:
        commands.append(("./pants", *BUILD_FILES, "::"))
    if affected:
        # How much of the code is covered shows only where everything is tested.
        options = ("--no-test-use-coverage",)
        commands.append(("./pants", *options, "lint", "check", "test", *affected))
    return tuple(commands)


def run_stages(
    stages: Sequence[Stage], report: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Run stages, each as soon as all that it comes after are green; stop all at the first red one.

    report is called with every result as soon as it is there. What was stopped, or has not begun,
    has none.
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


class _Running:
    """A stage under way: its commands run one after the other in a shell of their own."""

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
        """Return the result, and show the output, if the stage has ended; else None."""
        status = self._process.poll()
        if status is None:
            return None
        seconds = time.monotonic() - self._begin
        self._show(f"{'green in' if status == 0 else 'RED after'} {seconds:.0f} s")
        return Result(self.name, status == 0, seconds)

    def stop(self) -> None:
        """End the stage, and let it clean up."""
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
    """Return the environment of all stages."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, stdout=subprocess.PIPE)
    return {
        # These tests run when they are named: on the command line, or here.
        "RECALL_TESTS": "1",
        "STACK_TESTS": uuid4().hex,
        **os.environ,
        # The stack is made of this commit's images, whatever else is packaged meanwhile.
        "IMAGE_TAG": commit.stdout.decode().strip(),
    }


def main() -> int:
    """Run the stages of a plan; return the exit status."""
    parser = argparse.ArgumentParser(description="Run what a plan asks for.")
    parser.add_argument("plan", type=Path, help="what affected.py --json has printed")
    parser.add_argument("stage", nargs="*", help="run these alone, and do not wait for others")
    options = parser.parse_args()
    stages = stages_of(plan_from_json(options.plan.read_text(encoding="utf-8")))
    if options.stage:
        stages = [Stage(each.name, each.commands) for each in stages if each.name in options.stage]
    results = run_stages(stages)
    return 0 if all(result.green for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
