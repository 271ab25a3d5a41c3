"""Tests that swarm.yaml is valid, and runs the same as compose.yaml; machines/ runs it."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from compose.testing import MAKE_SECRETS

SAME = {
    "web-service": "web-service",
    "dashboard-service": "dashboard-service",
    "gateway-service": "gateway-service",
    "redis-1": "redis-service",
    "redis-2": "redis-service",
    "redis-spare": "redis-service",
}
"""For each service of swarm.yaml, the one of compose.yaml that it is like."""


@pytest.fixture(name="secrets", scope="module")
def _secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    secrets = tmp_path_factory.mktemp("swarm") / "secrets"
    subprocess.run([MAKE_SECRETS], env={**os.environ, "SECRETS_DIR": str(secrets)}, check=True)
    return secrets


@pytest.fixture(name="swarm", scope="module")
def _swarm(secrets: Path) -> dict[str, Any]:
    """Return the services of swarm.yaml as Docker understands them."""
    text = run("stack", "config", "--compose-file", "compose/swarm.yaml", secrets=secrets)
    # The Docker client prints no JSON here, but Compose reads what it prints.
    return services(
        run("compose", "-f", "-", "config", "--format=json", secrets=secrets, text=text)
    )


@pytest.fixture(name="compose", scope="module")
def _compose(secrets: Path) -> dict[str, Any]:
    """Return the services of compose.yaml."""
    file = ("compose", "-f", "compose/compose.yaml", "config", "--format=json")
    return services(run(*file, secrets=secrets))


def run(*arguments: str, secrets: Path, text: str = "") -> str:
    """Return what `docker` prints."""
    docker = subprocess.run(
        ["docker", *arguments],
        env={**os.environ, "SECRETS_DIR": str(secrets)},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert docker.returncode == 0, docker.stderr
    assert "unsupported" not in docker.stderr
    return docker.stdout


def services(text: str) -> dict[str, Any]:
    """Return the services of a configuration in JSON."""
    found: dict[str, Any] = json.loads(text)["services"]
    return found


@pytest.mark.parametrize(("name", "other"), SAME.items())
def test_should_run_the_same_image_with_the_same_limits(
    swarm: dict[str, Any], compose: dict[str, Any], name: str, other: str
) -> None:
    same = ("image", "user", "read_only", "cap_drop", "stop_grace_period")
    assert {key: swarm[name].get(key) for key in same} == {
        key: compose[other].get(key) for key in same
    }
    limits = swarm[name]["deploy"]["resources"]["limits"]
    assert int(limits["memory"]) == int(compose[other]["mem_limit"])
    assert limits["pids"] == compose[other]["pids_limit"]


@pytest.mark.parametrize("name", ["web-service", "dashboard-service", "gateway-service"])
def test_should_set_the_same_variables_but_those_of_redis(
    swarm: dict[str, Any], compose: dict[str, Any], name: str
) -> None:
    here, there = (
        {key: value for key, value in each[name]["environment"].items() if "URL" not in key}
        for each in (swarm, compose)
    )
    here.pop("REDIS_REPLICAS", None)
    assert here == there


def test_should_give_redis_the_same_options(swarm: dict[str, Any], compose: dict[str, Any]) -> None:
    options = compose["redis-service"]["command"][2:]
    for name in ("redis-1", "redis-2", "redis-spare"):
        command = swarm[name]["command"]
        assert command[2 : 2 + len(options)] == options
        assert command[2 + len(options) :][:4] == [
            "--min-replicas-to-write",
            "1",
            "--min-replicas-max-lag",
            "2",
        ]


def test_should_address_every_task_by_itself(swarm: dict[str, Any]) -> None:
    assert {each["deploy"]["endpoint_mode"] for each in swarm.values()} == {"dnsrr"}
    ports = [port for each in swarm.values() for port in each.get("ports", [])]
    assert [port["mode"] for port in ports] == ["host"]


def test_should_bind_all_data_to_a_machine(swarm: dict[str, Any]) -> None:
    for name, service in swarm.items():
        volumes = [each for each in service.get("volumes", []) if each["type"] == "volume"]
        constraints = service["deploy"].get("placement", {}).get("constraints", [])
        assert constraints == ([f"node.labels.{name} == yes"] if volumes else [])


def test_should_know_the_machines_of_the_documentation(swarm: dict[str, Any]) -> None:
    text = Path("docs/swarm.md").read_text(encoding="utf-8")
    labels = set(re.findall(r"--label-add ([\w-]+)=yes", text))
    assert labels == {name for name in swarm if name.startswith(("redis-", "sentinel-"))}
