"""What a one-line change of the web service costs: only what it affects, or everything every time.

    python3 -m benchmarks.ci_change

Both are warm, and both lint, test, package and run the end-to-end tests through Compose; only what
is affected is type-checked too. The other way is benchmarks/one_image: one image build does it all.
Prints a table for docs/benchmarks.md. Needs a Docker engine and the base images.
"""

import os
import shutil
import ssl
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks.clone import edited, fresh_clone, print_heading, run

REPEATS = 3
COPIED = ("libs", "services", "tests_e2e", "pyproject.toml", ".flake8")
STAGES = ("lint", "check", "test", "package")
PROJECT = f"page-tracker-one-image-{os.getpid()}"


def main() -> None:
    """Measure both, print each figure, and leave nothing behind."""
    with fresh_clone() as clone:
        print_heading(f"Seconds, the median of {REPEATS}.", ("What", "Measured"))
        affected = measure(clone, lambda: what_is_affected(clone))
        print(f"| What is affected: decide, lint, check, test, package, Compose | {affected:.1f} |")
        everything = measure(clone, lambda: one_image(clone))
        run(clone, "docker", *compose(clone), "down", "--rmi=local", "--volumes", **settings(clone))
        print(f"| Everything in one image build, then Compose | {everything:.1f} |")
        print(f"\nThe first takes {affected / everything:.2f} of the second (0.5).")


def measure(clone: Path, check: Callable[[], float]) -> float:
    """The median of what a check takes after an edit. The first fills caches and is left out."""
    seconds = []
    for _ in range(REPEATS + 1):
        with edited(clone):
            seconds.append(check())
    return statistics.median(seconds[1:])


def what_is_affected(clone: Path) -> float:
    """What ci.yml runs, stage by stage."""
    decide = "mkdir -p .cache && .ci/affected --base HEAD --json >.cache/plan.json"
    seconds = run(clone, "bash", "-c", decide)
    for stage in STAGES:
        seconds += run(clone, ".ci/stage", stage, ".cache/plan.json")
    run(clone, "./pants", "package", "tests_e2e")
    return seconds + run(clone, ".ci/e2e")


def one_image(clone: Path) -> float:
    """Build the image, in which all is tested, and run it."""
    context = clone.with_name("context")
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    for name in COPIED:
        source = clone / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, context / name)
    shutil.copytree(clone / "3rdparty/python", context / "locks")
    shutil.copy(clone / "benchmarks/one_image/Containerfile", context)
    return run(
        clone,
        *("docker", *compose(clone), "up", "--build", "--exit-code-from=test-service"),
        **settings(clone),
    )


def compose(clone: Path) -> list[str]:
    """How Compose is called."""
    file = clone / "benchmarks/one_image/compose.yaml"
    return ["compose", "--project-name", PROJECT, "--file", str(file)]


def settings(clone: Path) -> dict[str, str]:
    """What compose.yaml needs to know: where the files are, and whom to trust when downloading."""
    certificates = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return {"CONTEXT": str(clone.with_name("context")), "CERTIFICATES": str(certificates)}


if __name__ == "__main__":
    main()
