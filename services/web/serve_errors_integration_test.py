"""The one-command start says in one line why it cannot serve."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.redis_access.embedded import embedded_redis
from services.web.serve import main


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No REDIS_URL from outside, and the signal handlers that main() sets are taken back."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("arguments", "redis_url_variable", "message"),
    [
        ([], "http://localhost", "REDIS_URL must begin with redis://, rediss:// or unix://"),
        ([], "redis://:secret@127.0.0.1:1", "the Redis that REDIS_URL names does not answer: "),
        (["--data-dir=x"], "redis://localhost", "--data-dir is for the embedded Redis"),
        (["--data-dir=/dev/null/x"], None, "cannot write to the data directory /dev/null/x: "),
        (["--host=256.0.0.1"], None, "--host 256.0.0.1 is not an address: "),
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
    output = capsys.readouterr()
    assert status == 1
    assert output.out == ""
    assert output.err.startswith(f"serve: {message}")
    assert output.err.count("\n") == 1
    assert "secret" not in output.err


def test_should_say_that_the_port_is_busy(capsys: pytest.CaptureFixture[str]) -> None:
    # Given
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        # When
        status = main([f"--port={port}"])

    # Then
    assert status == 1
    assert capsys.readouterr().err == (
        f"serve: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another --host or --port\n"
    )


def test_should_say_that_the_data_is_in_use(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given
    with embedded_redis(data_dir):
        # When
        status = main(["--port=0", f"--data-dir={data_dir}"])

    # Then
    assert status == 1
    assert "is in use by another tracker" in capsys.readouterr().err


def test_should_refuse_a_port_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    # When
    with pytest.raises(SystemExit) as caught:
        main(["--port=65536"])

    # Then
    assert caught.value.code == 2
    assert "65536" in capsys.readouterr().err
