"""Compare checking only what a one-line change affects with checking everything.

    python3 -m benchmarks.ci_change

Both start warm, lint, check types, run unit and integration tests, package, and run the end-to-end
tests through Compose. benchmarks/one_image checks all code in one image build. Measures this
repository, and one with three such services. Prints tables for docs/benchmarks.md. Needs a Docker
engine and the base images; takes about ten minutes.
"""

import os
import re
import shutil
import ssl
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks.clone import EDITED_FILE, edited, fresh_clone, print_heading, report, run
from build_support.testing import commit

REPEATS = 5
COPIED = ("libs", "services", "tests_e2e", "pyproject.toml", ".flake8")
AFFECTED = "build_support/pipeline/affected.py"
PROJECT = f"page-tracker-one-image-{os.getpid()}"
# Neither way runs the stack's own tests, since an image build has no engine, nor tests that take
# minutes or start a browser, which would hide all differences.
LEFT_OUT = {"BROWSER_TESTS": "", "STACK_TESTS": "", "SLOW_TESTS": ""}


def main() -> None:
    """Measure everything, print each figure, and clean up."""
    with fresh_clone() as clone:
        print_heading(f"Seconds, the median of {REPEATS}.")
        for services, share in ((1, 1.0), (3, 0.5)):
            for number in range(2, services + 1):
                add_service(clone, f"web{number}")
            compare(clone, services, share)
        decide(clone, "README.md", 0.5)
        decide(clone, EDITED_FILE, 1.5)


def compare(clone: Path, services: int, share: float) -> None:
    """Measure both ways; print the first as a share of the second."""
    affected = measure(clone, lambda: what_is_affected(clone))
    everything = measure(clone, lambda: one_image(clone))
    run(clone, "docker", *compose(clone), "down", "--rmi=local", "--volumes", **settings(clone))
    what = f"{services} service{'s' * (services > 1)}"
    print(f"| {what}: what is affected, from deciding to the end of Compose | | {affected:.1f} |")
    print(f"| {what}: everything in one image build, then Compose | | {everything:.1f} |")
    report(f"{what}: the first as a share of the second", share, [affected / everything])


def measure(clone: Path, check: Callable[[], float]) -> float:
    """Return the median seconds of a check after an edit, without the first, which fills caches."""
    seconds = []
    for _ in range(REPEATS + 1):
        with edited(clone):
            seconds.append(check())
    return statistics.median(seconds[1:])


def what_is_affected(clone: Path) -> float:
    """Decide and run the stages as ci.yml does; return the seconds."""
    decided = f"mkdir -p .cache && {AFFECTED} --base HEAD --json >.cache/plan.json"
    stages = ("python3", "-m", "build_support.pipeline.stages", ".cache/plan.json")
    return run(clone, "bash", "-c", decided) + run(clone, *stages, **LEFT_OUT)


def decide(clone: Path, path: str, target: float) -> None:
    """Print how long it takes to decide what an edit of a file affects."""
    seconds = []
    for _ in range(REPEATS + 1):
        with edited(clone, path):
            seconds.append(run(clone, AFFECTED, "--base", "HEAD"))
    report(f"Decide what an edit of `{path}` affects", target, seconds[1:])


def one_image(clone: Path) -> float:
    """Build the image, which runs all checks, and run it; return the seconds."""
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


def add_service(clone: Path, name: str) -> None:
    """Copy the web service under another name and commit it."""
    shutil.copytree(clone / "services/web", clone / "services" / name)
    for file in (clone / "services" / name).iterdir():
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"services([./])web\b", rf"services\1{name}", text)
        file.write_text(text.replace("page-tracker-web", f"page-tracker-{name}"), encoding="utf-8")
    commit(clone)


def compose(clone: Path) -> list[str]:
    """Return the arguments that call Compose."""
    file = clone / "benchmarks/one_image/compose.yaml"
    return ["compose", "--project-name", PROJECT, "--file", str(file)]


def settings(clone: Path) -> dict[str, str]:
    """Return the variables of compose.yaml: the build context and the trusted certificates."""
    certificates = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return {"CONTEXT": str(clone.with_name("context")), "CERTIFICATES": str(certificates)}


if __name__ == "__main__":
    main()
