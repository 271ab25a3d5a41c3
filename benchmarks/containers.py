"""Measure the production image: its size, and the time to make, start and check it.

    python3 -m benchmarks.containers

Prints a table for docs/benchmarks.md. Needs Docker, or root on Debian to install it; takes about
ten minutes. The first `.ci/run` reuses Debian packages and base images from earlier runs on the
machine.
"""

import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

from benchmarks.clone import edited, fresh_clone, print_heading, report, run

REPEATS = 3
PREFIX = "benchmark/"  # keeps the images apart from the user's
IMAGE = f"{PREFIX}page-tracker-web:latest"


def main() -> None:
    """Measure, print each figure beside its target, and clean up."""
    with fresh_clone() as clone:
        print_heading(f"Of what is repeated, the median of {REPEATS}.")
        report("`.ci/run`, fresh clone and empty home, s", 475, [run(clone, ".ci/run", CI="true")])
        report("`.ci/run` again, s", 200, [run(clone, ".ci/run", CI="true")])
        run(clone, "build_support/containers/start_engine.sh")
        made: set[str] = set()
        try:
            measure_images(clone, made)
        finally:
            docker("image", "rm", "--force", *made)
            run(clone, "build_support/containers/stop_engine.sh")


def measure_images(clone: Path, made: set[str]) -> None:
    """Measure what needs an engine; add the IDs of the images to made."""

    def package() -> float:
        """Make the production image; return the seconds it takes."""
        seconds = run(clone, "./pants", "package", "services/web", IMAGE_PREFIX=PREFIX)
        made.add(docker("image", "inspect", "--format", "{{.Id}}", IMAGE).strip())
        return seconds

    package()
    run(clone, "build_support/containers/make_secrets.sh")
    base_image = next(
        line.removeprefix("ARG PYTHON_IMAGE=")
        for line in (clone / "services/web/Dockerfile").read_text().splitlines()
        if line.startswith("ARG PYTHON_IMAGE=")
    )
    base, before = layer_bytes(base_image), layer_bytes(IMAGE)
    report(
        "What the production image adds to its base, MB",
        16,
        [sum(before[layer] for layer in before.keys() - base.keys()) / 1e6],
    )
    with edited(clone):
        run(clone, "git", *"-c user.name=x -c user.email=x commit --quiet --all -m edit".split())
        package()
        after = layer_bytes(IMAGE)
        run(clone, "git", "reset", "--quiet", "HEAD~1")
    report(
        "New layers of a commit that changes one line, KB",
        20,
        [sum(after[layer] for layer in after.keys() - before.keys()) / 1e3],
    )
    times = []
    for _ in range(REPEATS):
        with edited(clone):
            times.append(package())
    report("`./pants package services/web` after a one-line edit, s", 5, times)
    report(
        "`docker compose up` to every service healthy, s", 5, [up(clone) for _ in range(REPEATS)]
    )


def up(clone: Path) -> float:
    """Start the stack from nothing and remove it; return the seconds of the start."""
    settings = {
        "COMPOSE_FILE": "compose/compose.yaml",
        "COMPOSE_PROJECT_NAME": "page-tracker-benchmark",
        "IMAGE_PREFIX": PREFIX,
        "WEB_PORT": "0",
    }
    try:
        return run(clone, "docker", "compose", "up", "--detach", "--wait", **settings)
    finally:
        run(clone, "docker", "compose", "down", "--volumes", **settings)


def layer_bytes(image: str) -> dict[str, int]:
    """Return the size in bytes of the files in each layer of an image, by digest."""
    with tempfile.NamedTemporaryFile() as archive:
        docker("image", "save", "--output", archive.name, image)
        with tarfile.open(archive.name) as saved:
            (manifest,) = json.loads(read(saved, "manifest.json"))
            digests = json.loads(read(saved, manifest["Config"]))["rootfs"]["diff_ids"]
            return {
                digest: sum(file.size for file in tarfile.open(fileobj=saved.extractfile(layer)))
                for digest, layer in zip(digests, manifest["Layers"])
            }


def read(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the content of a file in an archive."""
    file = archive.extractfile(name)
    if file is None:
        raise SystemExit(f"docker image save wrote no {name}")
    return file.read()


def docker(*arguments: str) -> str:
    """Run a Docker command; return its output."""
    return subprocess.run(
        ["docker", *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    main()
