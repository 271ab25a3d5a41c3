"""Tests of who may do what in the stack's Redis, and that no password is visible."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from python_on_whales import Container

from compose.testing import MAKE_SECRETS, Stack
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(180)  # starting a stack takes long where others start too

DENIED = re.compile("NOPERM|ACL failure in script")

DANGEROUS = ["flushall", "keys *", "config get *", "acl list", "shutdown nosave", "monitor"]
OF_OTHERS = ["get other", "set other 1", "eval \"return redis.call('get','other')\" 1 page_views"]
READ_ONLY = ["set page_views 1", "incr page_views", "get {page_views}:nonce:1", "info"]


@pytest.mark.parametrize(
    ("user", "allowed", "forbidden"),
    [
        (
            "web",
            ["get page_views", "info server", "hgetall v2:sites"],
            ["del page_views", "ping", "hset v2:sites example.org v2:{1}", "zcount other 0 1"],
        ),
        (
            "dashboard",
            ["hgetall v2:sites", "hget v2:{1}:all views", "zcount v2:{1}:now 0 1"],
            ["get page_views", "hset v2:{1} public 1", "hgetall v2:{1}:tokens", "hlen v2:accounts"],
        ),
        (
            "dashboard-settings",
            ["hlen v2:accounts", "hget v2:sites example.org", "hgetall v2:{1}:tokens"],
            ["get page_views", "hset v2:{1}:all views 1", "hgetall v2:{1}:all", "ping"],
        ),
        ("admin", ["get page_views", "hgetall v2:sites"], [*READ_ONLY[:2], "ping"]),
        ("test", ["get page_views"], [*READ_ONLY, "eval 'return 1' 0"]),
        ("health", ["ping"], [*READ_ONLY, "get page_views"]),
    ],
)
def test_should_permit_a_user_only_what_it_needs(
    stack: Stack, user: str, allowed: list[str], forbidden: list[str]
) -> None:
    stack.view()
    for command in allowed:
        assert not DENIED.search(stack.answer(user, command)), command
    for command in [*DANGEROUS, *OF_OTHERS, *forbidden]:
        assert DENIED.search(stack.answer(user, command)), command


def test_should_permit_nothing_without_a_password(stack: Stack) -> None:
    without = "exec redis-service redis-cli"
    assert b"NOAUTH" in stack.run(f"{without} get page_views").stdout
    for user in ("default", "web", "operator"):
        answer = stack.run(f"{without} auth {user} guessed").stdout
        assert b"WRONGPASS" in answer, user


def test_should_let_the_operator_s_command_line_do_its_work(stack: Stack) -> None:
    admin = "run --rm -T admin"
    assert "invented views" in stack.command(f"{admin} demo demo.example")
    export = stack.run(f"{admin} export").stdout
    assert b"demo.example" in export
    assert stack.run(f"{admin} load - --replace", export).returncode == 0
    assert "all numbers fit" in stack.command(f"{admin} check")
    stack.command(f"{admin} sites remove demo.example --yes")
    assert "no site is registered" in stack.command(f"{admin} sites list")


def test_should_permit_the_operator_everything(stack: Stack) -> None:
    views = stack.view()
    assert stack.answer("operator", "get page_views").strip() == str(views)
    assert "user default off" in stack.answer("operator", "acl list")


def test_should_show_no_password(stack: Stack) -> None:
    # Given
    passwords = [file.read_text() for file in stack.secrets.iterdir()]
    stack.command("--profile testing create test-service")
    with waiting_redis_cli(stack):
        # When
        seen = {
            "docker compose top": stack.command("top"),
            "docker compose config": stack.command("--profile testing config"),
            "output of the end-to-end tests": stack.run_end_to_end_tests(),
        }
        for container in stack.docker.compose.ps(all=True):
            seen[f"docker inspect {container.name}"] = inspected(container)
        for service in stack.services:
            environment = stack.container(service).execute(["cat", "/proc/1/environ"])
            seen[f"environment of {service}"] = str(environment)
    seen["docker compose logs"] = stack.command("--profile testing logs")

    # Then
    assert "--user operator" in seen["docker compose top"]
    assert " passed" in seen["output of the end-to-end tests"]
    for place, text in seen.items():
        for password in passwords:
            assert password not in text, place
            assert hashlib.sha256(password.encode()).hexdigest() not in text, place


@contextmanager
def waiting_redis_cli(stack: Stack) -> Iterator[None]:
    """Run redis-cli as the operator until the context ends; it waits for its standard input."""
    compose = stack.docker.client_config.docker_compose_cmd
    command = [*compose, "exec", "-T", "redis-service", "redis-as", "operator", "-x", "echo"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL):
        wait_until(lambda: "--user operator" in stack.command("top"), "redis-cli")
        yield


def inspected(container: Container) -> str:
    """Return what `docker inspect` prints about a container."""
    command = ["docker", "inspect", container.id]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize(
    ("service", "secret", "line"),
    [
        ("redis-service", "health", "redis-service: the secret {file} is empty"),
        ("web-service", "web", "web: REDIS_PASSWORD_FILE names {file}, which is empty"),
        (
            "dashboard-service",
            "dashboard-settings",
            "dashboard: SETTINGS_REDIS_PASSWORD_FILE names {file}, which is empty",
        ),
    ],
)
def test_should_say_in_one_line_that_a_secret_is_empty(
    stack: Stack, tmp_path: Path, service: str, secret: str, line: str
) -> None:
    make_secrets(tmp_path, secret).write_text("\n")
    assert said_at_start(stack, service, tmp_path) == line.format(
        file=f"/run/secrets/{secret}-password"
    )


@pytest.mark.parametrize(
    ("service", "secret", "line"),
    [
        ("redis-service", "test", "redis-service: user 999 may not read the secret {file}"),
        (
            "web-service",
            "web",
            "web: REDIS_PASSWORD_FILE names {file}, which is unreadable: Permission denied",
        ),
    ],
)
def test_should_say_in_one_line_that_a_secret_is_not_readable(
    stack: Stack, tmp_path: Path, service: str, secret: str, line: str
) -> None:
    make_secrets(tmp_path, secret).chmod(0o600)
    assert said_at_start(stack, service, tmp_path) == line.format(
        file=f"/run/secrets/{secret}-password"
    )


@pytest.mark.parametrize("service", ["redis-service", "web-service"])
def test_should_say_in_one_line_that_a_secret_is_missing(
    stack: Stack, tmp_path: Path, service: str
) -> None:
    file = make_secrets(tmp_path, "web")
    file.unlink()
    line = said_at_start(stack, service, tmp_path)
    assert line.endswith(f"bind source path does not exist: {file}")


def test_should_keep_passwords_that_exist(tmp_path: Path) -> None:
    # Given
    directory = tmp_path / "secrets"
    web = make_secrets(directory, "web")
    made = {file.name: file.read_text() for file in directory.iterdir()}

    # When
    web.chmod(0o600)
    web.write_text("")  # as when the disk was full
    make_secrets(directory, "web")

    # Then
    kept = {file.name: file.read_text() for file in directory.iterdir()}
    assert len(set(made.values())) == len(made) == 11
    assert all(len(password) == 64 for password in made.values())
    assert kept.pop("web-password") not in ("", made.pop("web-password"))
    assert kept == made
    assert directory.stat().st_mode & 0o777 == 0o700


def make_secrets(directory: Path, user: str) -> Path:
    """Make passwords in a directory; return the file of a user's."""
    subprocess.run([MAKE_SECRETS], check=True, env={**os.environ, "SECRETS_DIR": str(directory)})
    return directory / f"{user}-password"


def said_at_start(stack: Stack, service: str, secrets: Path) -> str:
    """Start another container of a service, which must fail; return what it says."""
    run = stack.run(f"run --rm --no-deps {service}", SECRETS_DIR=str(secrets))
    assert run.returncode != 0
    lines = run.stderr.decode().splitlines()
    (line,) = [line for line in lines if not line.lstrip().startswith(("Container", "Network"))]
    return line
