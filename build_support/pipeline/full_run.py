"""Check everything that a release must pass, for .ci/run.

Runs every stage of a plan that says everything, and what takes too long for each change: whether
the same commit makes the same images again, whether a service can be added as documented, how a
change goes through the real workflow, and whether the page has become slower. Afterwards it stops
what it has started, daemons of Pants and the engine, and untags the images that it made.
Exit status: 0 if all is green.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from build_support.pipeline.plan import Plan
from build_support.pipeline.stages import Stage, passed, python, run_stages, stages_of

_USES_PANTS = ("images", "code")
_WHOLE = Plan(everything=True, e2e=True, workflows=True, documents=True)


def all_stages() -> list[Stage]:
    """Return the stages of a full run."""
    decide = ("build_support/pipeline/affected.py", "--base", "")
    stages = [Stage("decide", (decide,))]
    for stage in stages_of(_WHOLE):
        after = (*stage.after, "decide") if stage.name in _USES_PANTS else stage.after
        stages.append(dataclasses.replace(stage, after=after))
    reproduce = ("build_support/containers/reproduce_images.sh",)
    walk_through = ("build_support/workflows/walk_through.sh",)
    stages += [
        Stage("same images again", (reproduce,), after=("end to end",)),
        Stage("new service", (python("new_service"),), after=("same images again",)),
        # Its tests measure time, so it begins when most of the rest has ended.
        Stage("walk-through", (walk_through,), after=("code", "end to end")),
    ]
    # It measures time as well, so it runs alone.
    guard = ("./pants", "run", "benchmarks/throughput_guard.py")
    return [*stages, Stage("throughput", (guard,), after=tuple(stage.name for stage in stages))]


def main() -> int:
    """Run all stages; return the exit status."""
    begin = time.monotonic()
    os.environ["PANTS_CONFIG_FILES"] = "pants.ci.toml"
    with daemons_stopped(), images_untagged_and_engine_stopped():
        stages = all_stages()
        results = run_stages(stages)
    for result in results:
        print(f"{result.name:20} {'green' if result.green else 'RED':6} {result.seconds:4.0f} s")
    green = passed(stages, results)
    print(f"=== {'all green' if green else 'RED'} in {time.monotonic() - begin:.0f} s", flush=True)
    return 0 if green else 1


@contextlib.contextmanager
def daemons_stopped() -> Iterator[None]:
    """Stop the Pants daemons of this clone that started within the context."""
    before = daemons()
    try:
        yield
    finally:
        for process_id in daemons() - before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGTERM)


def daemons() -> set[int]:
    """Return the process ids of the Pants daemons of this clone."""
    return {int(file.read_text(encoding="utf-8")) for file in Path().glob(".pids/**/pantsd/pid")}


@contextlib.contextmanager
def images_untagged_and_engine_stopped() -> Iterator[None]:
    """Untag new images when the context ends, and stop the engine that start_engine.sh started."""
    before = our_images()
    try:
        yield
    finally:
        for image in our_images() - before:
            subprocess.run(["docker", "image", "rm", image], check=False, stdout=subprocess.DEVNULL)
        subprocess.run(["build_support/containers/stop_engine.sh"], check=False)


def our_images() -> set[str]:
    """Return the names of the project's images in the engine, none if no engine answers."""
    command = "docker image ls --format {{.Repository}}:{{.Tag}} page-tracker-*"
    with contextlib.suppress(FileNotFoundError):
        run = subprocess.run(command.split(), check=False, capture_output=True, text=True)
        return set(run.stdout.split())
    return set()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
