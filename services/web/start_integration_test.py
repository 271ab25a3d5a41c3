"""Tests that the image says at its start, in one line, why it cannot count in Redis."""

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
    assert said_at_start(environment) == ""


@pytest.mark.parametrize("permission", ["+info", "+incr", "~page_views"])
def test_should_name_a_missing_permission(
    environment: dict[str, str], redis_client: redis.Redis, permission: str
) -> None:
    set_user(redis_client, f"reset on >{PASSWORD} {NEEDED.replace(permission, '')}")
    line = said_at_start(environment)
    assert "permit" in line
    assert line.count("\n") == 1


def test_should_say_that_the_password_is_wrong(environment: dict[str, str]) -> None:
    Path(environment["REDIS_PASSWORD_FILE"]).write_text("wrong-password", encoding="utf-8")
    line = said_at_start(environment)
    assert line.startswith("web: warning: Redis refuses the user name or password")
    assert "wrong-password" not in line
    assert line.count("\n") == 1


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
        line = said_at_start({"REDIS_URL": f"rediss://{host}:{port}?ssl_ca_certs={file}"})

    # Then
    assert problem in line
    assert line.count("\n") == bool(problem)


def set_user(client: redis.Redis, rules: str) -> None:
    """Change the user "web"."""
    client.execute_command("ACL SETUSER", "web", *rules.split())


def said_at_start(environment: dict[str, str]) -> str:
    """Return what the image prints before it begins to serve."""
    run = subprocess.run(
        [sys.executable, "-m", "services.web", "--check-config"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        check=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    return run.stderr
