"""Tests that TLS reaches only the server that the URL names."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import trustme

from libs.redis_access.connection import connect
from libs.redis_access.tls_proxy import tls_proxy
from libs.redis_access.urls import RedisSettingError

HOST = "localhost"


@pytest.fixture(name="authority", scope="module")
def _authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(name="authority_file")
def _authority_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """Return a file with the certificate of the authority."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(name="port")
def _port(redis_url: str, authority: trustme.CA) -> Iterator[int]:
    """Yield a port where a Redis for HOST, and for no other name, speaks TLS."""
    server_socket = Path(redis_url.removeprefix("unix://"))
    with tls_proxy(server_socket, authority.issue_cert(HOST)) as port:
        yield port


@pytest.mark.parametrize("user", ["", "web:secret@"])
def test_should_reach_a_server_that_the_authority_certifies(
    redis_client: redis.Redis, port: int, authority_file: Path, user: str
) -> None:
    redis_client.acl_setuser("web", enabled=True, passwords=["+secret"], commands=["+@all"])
    url = f"rediss://{user}{HOST}:{port}?ssl_ca_certs={authority_file}"
    with contextlib.closing(connect(url)) as client:
        for _ in range(10):
            assert client.ping()
            client.connection_pool.disconnect()
    redis_client.acl_deluser("web")


def test_should_refuse_a_server_with_another_name(port: int, authority_file: Path) -> None:
    assert "certificate is not valid for '127.0.0.1'" in refusal(
        f"rediss://127.0.0.1:{port}?ssl_ca_certs={authority_file}"
    )


def test_should_refuse_a_server_that_another_authority_certifies(port: int, tmp_path: Path) -> None:
    file = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    assert "certificate verify failed" in refusal(f"rediss://{HOST}:{port}?ssl_ca_certs={file}")


def test_should_trust_no_test_authority_by_default(port: int) -> None:
    assert "certificate verify failed" in refusal(f"rediss://{HOST}:{port}")


def refusal(url: str) -> str:
    """Return why a client for url cannot connect."""
    with contextlib.closing(connect(url)) as client, pytest.raises(redis.ConnectionError) as caught:
        client.ping()
    return str(caught.value)


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile"])
@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("missing.pem", None, "No such file or directory"),
        ("empty.pem", "", "unusable: "),
        ("text.pem", "no certificate", "unusable: "),
        (".", None, "Is a directory"),
    ],
)
def test_should_say_in_one_line_that_a_file_is_unusable(
    option: str, name: str, content: str | None, problem: str, tmp_path: Path
) -> None:
    # Given
    file = tmp_path / name
    if content is not None:
        file.write_text(content)

    # When
    with pytest.raises(RedisSettingError) as caught:
        connect(f"rediss://{HOST}?{option}={file}")

    # Then
    message = str(caught.value)
    assert message.startswith(f"REDIS_URL has {option}={file}"[:100])
    assert problem in message
    assert "\n" not in message


def test_should_say_in_one_line_that_a_key_belongs_to_another_certificate(
    authority: trustme.CA, tmp_path: Path
) -> None:
    authority.issue_cert(HOST).cert_chain_pems[0].write_to_path(str(tmp_path / "certificate.pem"))
    authority.issue_cert(HOST).private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    files = f"ssl_certfile={tmp_path}/certificate.pem&ssl_keyfile={tmp_path}/key.pem"
    with pytest.raises(RedisSettingError, match="key values mismatch"):
        connect(f"rediss://{HOST}?{files}")
