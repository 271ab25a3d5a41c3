"""Tests that the image logs at its start, in one line, why it cannot count in Redis."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis
import trustme

from libs.redis_access.tls_proxy import tls_proxy

PASSWORD = "secret-password"
NEEDED = "+eval +get +incr +set +info ~page_views ~{page_views}:nonce:*"


@pytest.fixture(name="environment")
def _environment(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Return the variables for a user that may count; the test may change them or the user."""
    set_user(redis_client, f"reset on >{PASSWORD} {NEEDED}")
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return {
        "REDIS_URL": redis_url.replace("unix://", "unix://web@"),
        "REDIS_PASSWORD_FILE": str(file),
    }


def test_should_say_nothing_when_all_is_well(environment: dict[str, str]) -> None:
    assert said_at_start(environment) == []


@pytest.mark.parametrize("permission", ["+info", "+incr", "~page_views"])
def test_should_name_a_missing_permission(
    environment: dict[str, str], redis_client: redis.Redis, permission: str
) -> None:
    set_user(redis_client, f"reset on >{PASSWORD} {NEEDED.replace(permission, '')}")
    (warning,) = said_at_start(environment)
    assert "permit" in warning


def test_should_say_that_the_password_is_wrong(environment: dict[str, str]) -> None:
    Path(environment["REDIS_PASSWORD_FILE"]).write_text("wrong-password", encoding="utf-8")
    (warning,) = said_at_start(environment)
    assert warning.startswith("Redis refuses the user name or password")
    assert "wrong-password" not in warning


@pytest.mark.parametrize(
    ("host", "right_authority", "problem"),
    [
        ("localhost", True, ""),
        ("localhost", False, "certificate verify failed"),
        ("127.0.0.1", True, "certificate is not valid for '127.0.0.1'"),
    ],
)
def test_should_say_that_the_certificate_of_redis_does_not_fit(
    redis_socket: Path, tmp_path: Path, host: str, right_authority: bool, problem: str
) -> None:
    # Given
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    (authority if right_authority else trustme.CA()).cert_pem.write_to_path(str(file))

    # When
    with tls_proxy(redis_socket, authority.issue_cert("localhost")) as port:
        said = said_at_start({"REDIS_URL": f"rediss://{host}:{port}?ssl_ca_certs={file}"})

    # Then
    assert len(said) == bool(problem)
    assert problem in "".join(said)


def set_user(client: redis.Redis, rules: str) -> None:
    """Change the user "web"."""
    client.execute_command("ACL SETUSER", "web", *rules.split())


def said_at_start(environment: dict[str, str]) -> list[str]:
    """Return the warnings that the image logs before it begins to serve."""
    run = subprocess.run(
        [sys.executable, "-m", "services.web", "--check-config"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert {(line["level"], line["service"]) for line in lines} <= {("warning", "web")}
    assert run.stderr == ""
    return [line["event"] for line in lines]
