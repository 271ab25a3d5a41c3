"""The containers of the two colours, and which image each is to run."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from build_support.deploy.gateway import BLUE, GREEN
from build_support.deploy.running import Failed, last_line, run

IMAGE_VARIABLES = {BLUE: "WEB_IMAGE", GREEN: "WEB_GREEN_IMAGE"}
"""The variables of compose.yaml for the images of the colours."""

START_SECONDS = 60
SMOKE_SECONDS = 120
_PULL_SECONDS = 600
_COMPOSE = ("docker", "compose", "--profile", "green", "--profile", "testing")


@dataclass(frozen=True)
class Colour:
    """The containers of a colour that run."""

    replicas: int
    image: str
    """What they run, or "" if there is none."""


def running() -> tuple[dict[str, Colour], str]:
    """Return what runs of both colours, and the container of the gateway.

    Raises Failed unless one gateway runs.
    """
    listed = run(*_COMPOSE, "ps", "--format", "json")
    services: dict[str, list[dict[str, str]]] = {}
    for line in listed.splitlines():
        container = json.loads(line)
        services.setdefault(container["Service"], []).append(container)
    gateways = services.get("gateway-service", [])
    if len(gateways) != 1:
        raise Failed("gateway-service does not run: docker compose up --detach --wait")
    ids = {colour: [each["ID"] for each in services.get(colour, [])] for colour in (BLUE, GREEN)}
    firsts = {colour: found[0] for colour, found in ids.items() if found}
    images = dict(zip(firsts, _images(list(firsts.values()))))
    colours = {colour: Colour(len(found), images.get(colour, "")) for colour, found in ids.items()}
    return colours, gateways[0]["ID"]


def _images(ids: list[str]) -> list[str]:
    """Return the images that containers were started with, even if a tag is another's by now."""
    return run("docker", "inspect", "--format", "{{.Config.Image}}", *ids).split() if ids else []


def pull(image: str) -> None:
    """Pull an image that this machine does not have."""
    try:
        run("docker", "image", "inspect", image)
    except Failed:
        run("docker", "pull", "--quiet", image, seconds=_PULL_SECONDS)


def remove(colour: str) -> None:
    """Stop and remove the containers of a colour."""
    run(*_COMPOSE, "rm", "--stop", "--force", colour)


def stop(colour: str) -> None:
    """Stop the containers of a colour, and keep them for whoever looks at their logs."""
    run(*_COMPOSE, "stop", colour)


def start(colour: str, image: str, replicas: int) -> None:
    """Start a colour that was removed, and wait until all its containers are healthy."""
    # With --no-deps, Compose would take the containers for outdated at the next `up`.
    wait = ("--wait", "--wait-timeout", str(START_SECONDS))
    options = ("--detach", "--no-recreate", *wait, "--scale", f"{colour}={replicas}")
    variables = {IMAGE_VARIABLES[colour]: image}
    try:
        run(*_COMPOSE, "up", *options, colour, seconds=2 * START_SECONDS, **variables)
    except Failed as error:
        said = last_line(run(*_COMPOSE, "logs", "--no-log-prefix", "--tail", "5", colour))
        raise Failed(f"{error}; it said: {said}") from error


def smoke_test(colour: str) -> str:
    """Run the end-to-end tests against a colour itself; return their last line."""
    config = json.loads(run(*_COMPOSE, "config", "--format", "json"))
    pull(config["services"]["test-service"]["image"])
    target = ("--env", f"FLASK_URL=http://{colour}:8000", "--env", "DASHBOARD_URL=")
    options = ("--rm", "--no-deps", "--no-TTY", *target)
    return last_line(run(*_COMPOSE, "run", *options, "test-service", seconds=SMOKE_SECONDS))


class Settings:
    """The file .env beside compose.yaml, from which Compose takes variables."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __getitem__(self, variable: str) -> str:
        found = re.findall(rf"^{variable}=(.*)$", self._text(), re.MULTILINE)
        return str(found[-1]).strip("'\"") if found else ""

    def update(self, **variables: str) -> None:
        """Set variables and keep all other lines."""
        kept = [
            line for line in self._text().splitlines() if line.partition("=")[0] not in variables
        ]
        lines = [*kept, *(f"{name}={value}" for name, value in variables.items() if value)]
        new = self._file.with_name(".env.new")
        new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if self._file.exists():
            new.chmod(self._file.stat().st_mode & 0o777)
        new.replace(self._file)

    def profiles(self, *, green: bool) -> str:
        """Return COMPOSE_PROFILES with the profile green, or without it."""
        others = [name for name in self["COMPOSE_PROFILES"].split(",") if name not in ("", "green")]
        return ",".join([*others, "green"] if green else others)

    def _text(self) -> str:
        return self._file.read_text(encoding="utf-8") if self._file.exists() else ""
