"""Tests of the gateway with a certificate."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import trustme

from compose.testing import Stack
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(180)  # starting a stack takes long where others start too


CERTIFICATE, KEY = "certificate.pem", "key.pem"


@pytest.fixture(name="authority", scope="module")
def _authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(name="directory", scope="module")
def _directory(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a certificate for localhost."""
    directory = tmp_path_factory.mktemp("certificate")
    write(authority.issue_cert("localhost"), directory)
    return directory


@pytest.fixture(name="secure", scope="module")
def _secure(running_stack: Stack, directory: Path) -> Iterator[str]:
    """Yield the address of the stack with TLS."""
    compose = running_stack.with_tls.compose
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TLS_CERTIFICATE", str(directory / CERTIFICATE))
        environment.setenv("TLS_KEY", str(directory / KEY))
        compose.up(detach=True, wait=True, quiet=True)
        _, port = compose.port("gateway-service", 8443)
        yield f"https://localhost:{port}"
    running_stack.up()


@pytest.fixture(name="authority_file")
def _authority_file(authority: trustme.CA, tmp_path: Path) -> str:
    """Return a file with the certificate of the authority."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def test_should_serve_over_tls(secure: str, authority_file: str) -> None:
    page = requests.get(secure, verify=authority_file, timeout=5)
    form = requests.get(f"{secure}/dashboard/sign-in", verify=authority_file, timeout=5)
    assert page.status_code == form.status_code == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "__Host-session" in form.cookies  # so the dashboard knows of TLS


def test_should_serve_http_2(secure: str, authority_file: str) -> None:
    options = ["--silent", "--http2", "--cacert", authority_file, "--max-time", "5"]
    show = ["--output", "/dev/null", "--write-out", "%{http_version} %{response_code}"]
    for url, shown in ((secure, "2 200"), (f"{secure}/metrics", "2 404")):
        command = ["curl", *options, *show, url]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == shown


def test_should_lead_to_tls(running_stack: Stack, secure: str) -> None:
    assert secure
    answer = requests.post(running_stack.url("/a?b=c"), allow_redirects=False, timeout=5)
    assert answer.status_code == 308
    assert answer.headers["Location"].startswith("https://127.0.0.1")
    assert answer.headers["Location"].endswith("/a?b=c")
    assert "Strict-Transport-Security" not in answer.headers  # would not be believed


def test_should_log_no_address_of_a_client_that_speaks_no_tls(
    running_stack: Stack, secure: str
) -> None:
    # When
    with socket.create_connection(("localhost", urlsplit(secure).port or 0), 5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.recv(1000)

    # Then
    wait_until(lambda: "error" in running_stack.access_log()[-1], "a line in the log")
    line = running_stack.access_log()[-1]
    assert "SSL" in line["error"]
    assert line.keys() == {"time", "service", "level", "error", "tls"}
    assert running_stack.client_address not in running_stack.command("logs gateway-service")


def test_should_read_a_renewed_certificate(
    running_stack: Stack, authority: trustme.CA, directory: Path, secure: str
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def is_served_for(name: str) -> bool:
        with socket.create_connection(("localhost", urlsplit(secure).port or 0), 5) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as client:
                names = (client.getpeercert() or {})["subjectAltName"]
        return ("DNS", name) in names

    assert not is_served_for("renewed.example")
    write(authority.issue_cert("localhost", "renewed.example"), directory)
    running_stack.command("kill --signal USR2 gateway-service")
    wait_until(lambda: is_served_for("renewed.example"), "the renewed certificate")


@pytest.mark.usefixtures("secure")
def test_should_pass_its_end_to_end_tests(running_stack: Stack) -> None:
    output = running_stack.with_tls.compose.run(
        "test-service", dependencies=False, remove=True, tty=False
    )
    assert " passed" in str(output)


def write(certificate: trustme.LeafCert, directory: Path) -> None:
    """Write a certificate, and its key, over those that a directory has."""
    chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
    (directory / CERTIFICATE).write_bytes(chain)
    (directory / KEY).write_bytes(certificate.private_key_pem.bytes())
