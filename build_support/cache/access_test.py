"""Tests that the build cache serves only those who have a token, and lets only main write."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from build_support.cache.testing import SCRIPTS, BuildCache, client, running_cache

REFUSED = "No valid authorization or authentication provided"
ACTION = f"{'a' * 64}/1"
RESULT = b"*\x06forged"  # a message of type ActionResult whose standard output is "forged"
RESULT_DIGEST = f"{hashlib.sha256(RESULT).hexdigest()}/{len(RESULT)}"


pytestmark = pytest.mark.timeout(300)  # the first use installs BuildGrid


@pytest.fixture(name="cache", scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildCache]:
    with running_cache(tmp_path_factory.mktemp("cache")) as cache:
        yield cache


@pytest.fixture(name="result")
def _result(tmp_path: Path) -> Path:
    """Return a file with a result."""
    file = tmp_path / "result"
    file.write_bytes(RESULT)
    return file


def ask(cache: BuildCache, token: Path | None, service: str, *request: Path | str) -> str:
    """Send a request of BuildGrid's client; return what it prints."""
    address = cache.address.replace("grpcs:", "https:").replace("grpc:", "http:")
    command = [client(), service, "--remote", address, "--instance-name", "page-tracker"]
    if token:
        command += ["--auth-token", str(token)]
    if address.startswith("https:"):
        command += ["--server-cert", str(cache.directory / "authority.pem")]
    run = subprocess.run(
        [*command, *map(str, request)],
        check=False,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return run.stdout


def test_should_refuse_what_a_pull_request_writes(cache: BuildCache, result: Path) -> None:
    # Given
    token = cache.token("pull-request")

    # When
    uploaded = ask(cache, token, "cas", "upload-file", result)
    ask(cache, cache.token("main"), "cas", "upload-file", result)
    updated = ask(cache, token, "actioncache", "update", ACTION, RESULT_DIGEST)

    # Then
    assert REFUSED in uploaded
    assert REFUSED in updated
    assert "Miss" in ask(cache, token, "actioncache", "get", ACTION)


@pytest.mark.parametrize("kind", ["none", "expired", "malformed", "of another cache"])
def test_should_refuse_who_has_no_valid_token(cache: BuildCache, kind: str, tmp_path: Path) -> None:
    # Given
    token: Path | None = tmp_path / "token"
    if kind == "none":
        token = None
    elif kind == "expired":
        token = cache.token("main", days=-1)
    elif kind == "malformed":
        (tmp_path / "token").write_text("x.y.z")
    else:
        token = BuildCache(tmp_path).token("main")

    # When
    answer = ask(cache, token, "actioncache", "get", ACTION)

    # Then
    assert REFUSED in answer
    assert "Miss" not in answer


def test_should_refuse_to_listen_for_other_machines_without_tls(tmp_path: Path) -> None:
    command = [str(SCRIPTS / "start_cache.sh"), str(tmp_path / "cache"), "0.0.0.0:0"]
    run = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 2
    assert "Other machines need TLS" in run.stderr


def test_should_keep_what_main_wrote_when_it_starts_again(tmp_path: Path, result: Path) -> None:
    # Given
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    with running_cache(tmp_path / "cache") as cache:
        authority.cert_pem.write_to_path(cache.directory / "authority.pem")
        certificate.private_key_pem.write_to_path(cache.directory / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(cache.directory / "certificate.pem")
        main = cache.token("main")
        ask(cache, main, "cas", "upload-file", result)
        ask(cache, main, "actioncache", "update", ACTION, RESULT_DIGEST)

        # When
        port = cache.address.rpartition(":")[2]
        files = (cache.directory / "certificate.pem", cache.directory / "key.pem")
        cache.start(f"localhost:{port}", *files)

        # Then
        assert cache.address == f"grpcs://localhost:{port}"
        answer = ask(cache, cache.token("pull-request"), "actioncache", "get", ACTION)
        assert RESULT_DIGEST in answer
