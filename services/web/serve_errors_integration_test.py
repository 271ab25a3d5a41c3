"""Tests that serve.py reports in one line why it cannot serve."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.redis_access.embedded import embedded_redis
from services.web.serve import main


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide REDIS_URL, and take back the signal handlers that main() sets."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("arguments", "redis_url_variable", "message"),
    [
        ([], "http://localhost", "REDIS_URL must begin with redis://, "),
        ([], "redis://:secret@127.0.0.1:1", "the Redis that REDIS_URL names does not answer: "),
        (["--data-dir=x"], "redis://localhost", "--data-dir is for the embedded Redis"),
        (["--data-dir=/dev/null/x"], None, "cannot write to the data directory /dev/null/x: "),
        ([f"--data-dir=/{'x' * 5000}"], None, "the path of the data directory /xxx"),
        (["--host=256.0.0.1"], None, "--host 256.0.0.1 is not an address"),
        (["--host=a..b"], None, "--host a..b is not an address"),
        ([f"--host={'x' * 5000}"], None, "--host xxx"),
        (["--host=203.0.113.1"], None, "cannot listen on 203.0.113.1 port 0: "),
    ],
)
def test_should_say_in_one_line_why_it_cannot_serve(
    arguments: list[str],
    redis_url_variable: str | None,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given
    if redis_url_variable:
        monkeypatch.setenv("REDIS_URL", redis_url_variable)

    # When
    status = main(["--port=0", *arguments])

    # Then
    error = the_one_short_line(capsys)
    assert status == 1
    assert error.startswith(f"serve: {message}")
    assert "secret" not in error


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--port=65536", "argument --port: '65536' is not a number from 0 to 65535"),
        ("--port=-1", "argument --port: '-1' is not a number from 0 to 65535"),
        ("--port=http", "argument --port: 'http' is not a number from 0 to 65535"),
        (f"--port={'9' * 5000}", f"argument --port: '{'9' * 20}' is not a number"),
        ("--prot=80", "unrecognized arguments: --prot=80"),
        ("x" * 5000, "unrecognized arguments: xxx"),
    ],
)
def test_should_say_in_one_line_which_argument_is_wrong(
    argument: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([argument])
    assert caught.value.code == 2
    assert the_one_short_line(capsys).startswith(f"serve: {message}")


@pytest.mark.parametrize(
    ("variable", "value", "valid"),
    [
        ("WEB_CONCURRENCY", "", "a whole number from 1 to 256"),
        ("WEB_CONCURRENCY", "two", "a whole number from 1 to 256"),
        ("TRUSTED_PROXIES", "proxy", "networks such as 10.0.0.0/8,fd00::/8"),
    ],
)
def test_should_refuse_an_invalid_variable_before_anything_starts(
    variable: str,
    value: str,
    valid: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    status = main(["--port=0", "--data-dir=/dev/null/x"])
    assert status == 1
    assert the_one_short_line(capsys) == f"serve: {variable} must be {valid}, not {value!r}\n"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("WEB_CONCURRENCY", "two", "web: WEB_CONCURRENCY must be a whole number from 1 to 256"),
        ("WEB_CONCURRENCY", "0", "web: WEB_CONCURRENCY must be a whole number from 1 to 256"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "web: TRUSTED_PROXIES must be networks such as "),
        ("REDIS_URL", "redis://a..b:6379", "web: REDIS_URL has an invalid host"),
        (
            "REDIS_URL",
            "rediss://localhost?ssl_ca_certs=/missing.pem",
            "web: REDIS_URL has ssl_ca_certs=/missing.pem, which is unusable: No such file",
        ),
        (
            "REDIS_URL",
            "rediss://localhost?ssl_ca_certs=/dev/null",
            "web: REDIS_URL has ssl_ca_certs=/dev/null, which is unusable: ",
        ),
        (
            "REDIS_PASSWORD_FILE",
            "/missing",
            "web: REDIS_PASSWORD_FILE names /missing, which is unreadable: No such file",
        ),
        (
            "REDIS_PASSWORD_FILE",
            "/dev/null",
            "web: REDIS_PASSWORD_FILE names /dev/null, which is empty",
        ),
    ],
)
def test_should_say_in_one_line_why_the_image_cannot_serve(
    variable: str, value: str, message: str
) -> None:
    # When
    run = subprocess.run(
        [sys.executable, "-m", "services.web"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), variable: value},
        check=False,
        capture_output=True,
        text=True,
    )

    # Then
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith(message)
    assert run.stderr.count("\n") == 1


def test_should_say_that_the_port_is_busy(capsys: pytest.CaptureFixture[str]) -> None:
    # Given
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        # When
        status = main([f"--port={port}"])

    # Then
    assert status == 1
    assert the_one_short_line(capsys) == (
        f"serve: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another --host or --port\n"
    )


def test_should_say_that_the_data_is_in_use(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with embedded_redis(data_dir):
        status = main(["--port=0", f"--data-dir={data_dir}"])
    assert status == 1
    assert "is in use by another tracker" in the_one_short_line(capsys)


def the_one_short_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the printed line; check that it is on standard error, within 300 characters."""
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert len(output.err) <= 300
    return output.err
