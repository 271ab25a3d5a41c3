"""Implement the steps of ci.yml: pass results between jobs and write the summary.

    python3 -m build_support.pipeline.github COMMAND

| Command      | Does                                                                          |
|--------------|-------------------------------------------------------------------------------|
| decide       | makes .cache/plan.json for the change                                         |
| run          | runs the stages of that plan                                                  |
| save         | saves the images to publish; output: publish, their names                     |
| trim         | deletes the cache of Pants if it is too large                                 |
| publish NAME | publishes a saved image; outputs: name, digest; deploy if it is to be deployed |
| gate         | judges the jobs in $NEEDS, which is toJSON(needs)                             |
| deploy DIGEST | starts deploy.yml instead of one that waits for approval                      |

Only this module reads GitHub's variables. Exit status: 1 if a stage or the gate fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from build_support.pipeline.build_cache import variables
from build_support.pipeline.plan import Plan, plan_from_json
from build_support.pipeline.stages import Result, passed, run_stages, stages_of

_PLAN = Path(".cache/plan.json")
_IMAGES = Path(".cache/images")
_PASSED = Path(".cache/passed/commit")  # of main; the workflow caches it between runs

_STORE = Path("~/.cache/pants/lmdb_store").expanduser()
_STORE_LIMIT_BYTES = 3 * 10**9

_SHOWN_REASONS = 100


def decide() -> None:
    """Make the plan for the change that triggered the run."""
    if os.environ["GITHUB_EVENT_NAME"] == "pull_request":
        base = f"origin/{os.environ['GITHUB_BASE_REF']}"
    else:
        base = _PASSED.read_text(encoding="utf-8").strip() if _PASSED.exists() else ""
    text = output_of("build_support/pipeline/affected.py", "--base", base, "--json")
    _PLAN.parent.mkdir(exist_ok=True)
    _PLAN.write_text(text, encoding="utf-8")
    plan = read_plan()
    reasons = plan.reasons[:_SHOWN_REASONS] or ["nothing changed"]
    print("\n".join(f"because {reason}" for reason in reasons))
    whole = "everything" if plan.everything else "what is affected"
    summarize(f"### Checked: {whole}", *(f"- {reason}" for reason in reasons), "")


def run() -> int:
    """Run the stages of the plan; add their results to the summary."""
    stages = stages_of(read_plan())
    summarize("| Stage | Result | Seconds |", "|---|---|---|")
    results = run_stages(stages, report=lambda result: summarize(row(result)))
    ended = {result.name for result in results}
    summarize(
        *(f"| {stage.name} | not finished | |" for stage in stages if stage.name not in ended)
    )
    return 0 if passed(stages, results) else 1


def row(result: Result) -> str:
    """Return the row of the summary's table for a stage."""
    return f"| {result.name} | {'✅ green' if result.green else '❌ red'} | {result.seconds:.0f} |"


def save() -> None:
    """Save the image of each affected service under the name of its repository."""
    _IMAGES.mkdir(parents=True, exist_ok=True)
    affected, names = read_plan().package, []
    for info in sorted(Path("dist").glob("services.*/*.docker-info.json")):
        if image_address(info) not in affected:
            continue
        image = json.loads(info.read_text(encoding="utf-8"))["registries"][0]["tags"][0]["name"]
        name = image.rpartition(":")[0].rpartition("/")[2]
        output_of("docker", "image", "save", "--output", f"{_IMAGES}/{name}.tar", image)
        image_id = output_of("docker", "image", "inspect", "--format", "{{.Id}}", image)
        (_IMAGES / f"{name}.id").write_text(image_id, encoding="utf-8")
        names.append(name)
    set_output("publish", json.dumps(names))


def image_address(info: Path) -> str:
    """Return the address of the image described by dist/services.NAME/TARGET.docker-info.json."""
    directory = info.parent.name.replace(".", "/")
    return f"{directory}:{info.name.removesuffix('.docker-info.json')}"


def trim() -> None:
    """Delete the store of Pants if it is too large; Pants stores again what it needs."""
    size = sum(file.stat().st_size for file in _STORE.rglob("*") if file.is_file())
    if size > _STORE_LIMIT_BYTES:
        shutil.rmtree(_STORE)


def publish(image: str) -> None:
    """Publish an image under the commit and as latest."""
    commit = os.environ["GITHUB_SHA"]
    name = f"{os.environ['REGISTRY']}/{os.environ['DOCKERHUB_USERNAME']}/{image}"
    script = "build_support/containers/publish_image.sh"
    digest = output_of(script, f"{_IMAGES}/{image}", name, commit).strip()
    set_output("name", name)
    set_output("digest", digest)
    if name == os.environ["DEPLOY_IMAGE"]:
        set_output("deploy", digest)
    summarize(f"Published `{name}@{digest}` as `{commit}` and `latest`.")


def gate() -> int:
    """Check the results of the jobs; record the commit if all passed."""
    needs = json.loads(os.environ["NEEDS"])
    faults = faults_of(needs, pushed=os.environ["GITHUB_EVENT_NAME"] == "push")
    print("\n".join(faults) or "all that is needed has succeeded")
    if faults:
        return 1
    _PASSED.parent.mkdir(parents=True, exist_ok=True)
    _PASSED.write_text(os.environ["GITHUB_SHA"], encoding="utf-8")
    return 0


def faults_of(needs: dict[str, dict[str, Any]], *, pushed: bool) -> list[str]:
    """Return what is wrong with the results of the jobs.

    Only publishing may be skipped: for a pull request, or if no image is to be published.
    """
    may_be_skipped = set()
    if not pushed or needs["checks"]["outputs"].get("publish") == "[]":
        may_be_skipped.add("publish")
    return [
        f"{job} is needed, and its result is: {needs[job]['result']}"
        for job in needs
        if needs[job]["result"] != "success"
        and not (needs[job]["result"] == "skipped" and job in may_be_skipped)
    ]


def deploy(digest: str) -> None:
    """Start deploy.yml for a digest; cancel an earlier run of it that waits for approval."""
    workflow = ("--workflow", "deploy.yml", "--status", "waiting")
    waiting = output_of("gh", "run", "list", *workflow, "--json", "databaseId")
    for run_ in json.loads(waiting):
        output_of("gh", "run", "cancel", str(run_["databaseId"]))
    output_of(
        "gh", "workflow", "run", "deploy.yml", "--ref", "main", "--raw-field", f"digest={digest}"
    )
    summarize(f"Started deploy.yml for `{digest}`.")


def read_plan() -> Plan:
    """Return the plan that decide made."""
    return plan_from_json(_PLAN.read_text(encoding="utf-8"))


def output_of(*command: str) -> str:
    """Return the output of a command; exit with its status if it fails."""
    process = subprocess.run(command, check=False, stdout=subprocess.PIPE, encoding="utf-8")
    if process.returncode:
        sys.exit(process.returncode)
    return process.stdout


def set_output(name: str, value: str) -> None:
    """Set an output of the step."""
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        print(f"{name}={value}", file=file)


def summarize(*lines: str) -> None:
    """Add lines to the summary of the job."""
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
        print(*lines, sep="\n", file=file)


COMMANDS = {
    command.__name__: command for command in (decide, run, save, trim, publish, gate, deploy)
}

if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    os.environ["PANTS_CONFIG_FILES"] = "pants.ci.toml"
    os.environ |= variables(
        os.environ.get("BUILD_CACHE", ""),
        os.environ.pop("BUILD_CACHE_TOKEN", ""),  # tests need not see it
        write=os.environ["GITHUB_EVENT_NAME"] == "push",
    )
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
