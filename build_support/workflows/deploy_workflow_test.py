"""Tests of deploy.yml and roll_back.yml: act runs them against a real sshd.

The host has a stand-in for deploy.py. try_deploy.sh deploys real images to a real stack. Tests of
what remote_test.py tests without act run only if SLOW_TESTS is not "some".
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from build_support.deploy.testing import BAD, GOOD, IMAGE, Host, host_in
from build_support.testing import write
from build_support.workflows.testing import Pipeline
from libs.processes.testing import wait_until

SECONDS = 50
"""How long act may take to reach the host on a busy machine."""

slow = pytest.mark.skipif(os.environ.get("SLOW_TESTS") == "some", reason="SLOW_TESTS is some")

PAGES = {"/readyz": b'{"ready":true}', "/tracker.js": b"/api/v1/views"}


class Repository(Pipeline):
    """The repository on GitHub, and the host that it deploys to."""

    def __init__(self, root: Path, host: Host) -> None:
        super().__init__(root)
        self.host = host
        attested = [GOOD, BAD, f"{IMAGE}@latest"]
        write(root / ".cache/act/attestations", "".join(f"{image} \n" for image in attested))

    def deploy(self, image: str, pages: dict[str, bytes] | None = None) -> tuple[int, str]:
        """Run deploy.yml for an image; return its exit status and output."""
        return self._run(pages or PAGES, "deploy.yml", f"digest={image.partition('@')[2]}")

    def roll_back(self) -> tuple[int, str]:
        """Run roll_back.yml; return its exit status and output."""
        return self._run(PAGES, "roll_back.yml")

    def _run(self, pages: dict[str, bytes], *options: str) -> tuple[int, str]:
        with served(pages) as url:
            settings = {**self.host.settings, "DEPLOY_IMAGE": IMAGE, "DEPLOY_URL": url}
            return self.run("workflow_dispatch", *options, **settings)


@contextmanager
def served(pages: dict[str, bytes]) -> Iterator[str]:
    """Serve pages until the context ends; yield their address."""

    class Handler(BaseHTTPRequestHandler):
        """Serves the pages, and 503 for any other."""

        def do_GET(self) -> None:  # pylint: disable=invalid-name  # the library calls it
            """Answer a request."""
            self.send_response(200 if self.path in pages else 503)
            self.end_headers()
            self.wfile.write(pages.get(self.path, b""))

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module", name="host")
def _host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host_in(tmp_path_factory.mktemp("host")) as host:
        yield host


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, host: Host) -> Repository:
    """Return a repository; nothing was deployed from it."""
    host.reset()
    return Repository(tmp_path / "repository", host)


def test_should_deploy_a_digest(repository: Repository) -> None:
    status, output = repository.deploy(GOOD)
    assert status == 0, output
    assert repository.host.read("called") == f"{GOOD} --by github"
    assert "/readyz answers" in output


def test_should_be_red_when_an_image_fails(repository: Repository) -> None:
    status, output = repository.deploy(BAD)
    assert status != 0
    assert "start: it crashed" in output
    assert "/readyz answers" not in output


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (f"{IMAGE}@sha256:{'c' * 64}", f"{'c' * 64} has no attestation"),
        (f"{IMAGE}@latest", "page-tracker-web@latest' is not"),
    ],
)
def test_should_deploy_only_what_was_published(
    repository: Repository, image: str, why: str
) -> None:
    status, output = repository.deploy(image)
    assert status != 0
    assert why in output
    assert repository.host.read("called") == ""


@pytest.mark.parametrize("missing", ["/readyz", pytest.param("/tracker.js", marks=slow)])
def test_should_be_red_when_the_public_address_does_not_serve(
    repository: Repository, missing: str
) -> None:
    status, output = repository.deploy(GOOD, {**PAGES, missing: b'{"ready":false}'})
    assert status != 0
    assert f"{missing} does not say" in output


@slow
def test_should_roll_back(repository: Repository) -> None:
    status, output = repository.roll_back()
    assert status == 0, output
    assert repository.host.read("called") == "--roll-back --by github"
    assert "/readyz answers" in output


@slow
def test_should_wait_for_the_end_when_the_connection_is_lost(repository: Repository) -> None:
    # Given
    host = repository.host
    with ThreadPoolExecutor() as threads:
        with host.held():
            deploy = threads.submit(repository.deploy, GOOD)
            wait_until(lambda: host.read("called") != "", "the deploy", SECONDS)

            # When
            host.lose_connections()

    # Then
    status, output = deploy.result()
    assert status == 0, output
    assert "the connection was lost" in output
    assert f"{GOOD[-64:]}: exit status 0" in output


@slow
def test_should_refuse_a_second_deploy_meanwhile(repository: Repository, tmp_path: Path) -> None:
    # Given
    host = repository.host
    with ThreadPoolExecutor() as threads:
        with host.held():
            deploy = threads.submit(repository.deploy, GOOD)
            wait_until(lambda: host.read("called") != "", "the deploy", SECONDS)

            # When
            status, output = Repository(tmp_path / "second", host).roll_back()

    # Then
    assert status != 0
    assert "refused: another deploy or roll-back runs" in output
    assert deploy.result()[0] == 0
