"""Tests that a key can only deploy, through a real sshd, and that deploys survive connections."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from build_support.deploy.remote import Refused, arguments_for
from build_support.deploy.testing import BAD, GOOD, IMAGE, Host, host_in
from libs.processes.testing import wait_until

DIGEST = "a" * 64
SECONDS = 40
"""How long a deploy may take to start or end on a busy machine."""

NOT_DEPLOYED = [
    "",
    "sh",
    "deploy",
    f"deploy {IMAGE}",
    f"deploy {IMAGE}:latest",
    f"deploy {IMAGE}:latest@sha256:{DIGEST}",
    f"deploy {IMAGE}@sha256:{DIGEST[1:]}",
    f"deploy {IMAGE}@sha256:{DIGEST}a",
    f"deploy {IMAGE}@sha256:{DIGEST.upper()}",
    f"deploy {IMAGE}@sha256:{DIGEST}\n",
    f"deploy {IMAGE}@sha256:{DIGEST} --watch 0",
    f"deploy {IMAGE}@sha256:{DIGEST}; reboot",
    f"deploy  {IMAGE}@sha256:{DIGEST}",
    f"deploy {IMAGE.replace('.', 'x')}@sha256:{DIGEST}",
    f"deploy registry.example/else/page-tracker-web@sha256:{DIGEST}",
    f"deploy --roll-back {IMAGE}@sha256:{DIGEST}",
    f"{IMAGE}@sha256:{DIGEST}",
    "deploy --roll-back",
    "--roll-back",
    "roll-back --by root",
    "roll-back\nreboot",
    "status; reboot",
    "$(reboot)",
]


@pytest.fixture(scope="module", name="running_host")
def _running_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host_in(tmp_path_factory.mktemp("host")) as host:
        yield host


@pytest.fixture(name="host")
def _host(running_host: Host) -> Host:
    """Return the running host; nothing was deployed to it."""
    running_host.reset()
    return running_host


@pytest.mark.parametrize("command", NOT_DEPLOYED)
def test_should_refuse_all_but_three_commands(command: str) -> None:
    with pytest.raises(Refused) as refused:
        arguments_for(command, IMAGE)
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_should_deploy_a_digest(host: Host) -> None:
    run = host.run("deploy", GOOD)
    assert (run.returncode, run.stdout) == (0, "start …\nsmoke test …\n")
    assert host.read("called") == f"{GOOD} --by github"


def test_should_roll_back(host: Host) -> None:
    assert host.run("roll-back").returncode == 0
    assert host.read("called") == "--roll-back --by github"


def test_should_pass_on_why_an_image_is_not_deployed(host: Host) -> None:
    # When
    run = host.run("deploy", BAD)

    # Then
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1] == "start: it crashed"
    assert f"ended: deploy {BAD}: exit status 1, " in host.run("status").stdout


@pytest.mark.parametrize(
    "command",
    ["", "sh", f"deploy {IMAGE}:latest", f"deploy {GOOD[:-1]}", "deploy other@sha256:" + DIGEST],
)
def test_should_run_nothing_else_for_the_key(host: Host, command: str) -> None:
    # When
    arguments = [host.settings["DEPLOY_HOST"], *([command] if command else [])]
    run = subprocess.run(
        host.command(*arguments),
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )

    # Then
    assert run.returncode == 2
    assert run.stderr.startswith("refused: ")
    assert len(run.stderr.splitlines()) == 1
    assert host.read("called") == ""


@pytest.mark.parametrize("protocol", ["-O", "-s"])
def test_should_copy_no_file(host: Host, tmp_path: Path, protocol: str) -> None:
    # Given
    there = host.settings["DEPLOY_HOST"].replace("ssh:", "scp:")
    (tmp_path / "file").touch()
    copy = tmp_path / "copy"

    # When
    for names in ((f"{there}/{tmp_path / 'file'}", copy), (tmp_path / "file", f"{there}/{copy}")):
        run = subprocess.run(
            host.command(protocol, *map(str, names), program="scp"),
            check=False,
            capture_output=True,
            text=True,
        )

        # Then
        assert run.returncode != 0
        assert "Permission denied" not in run.stderr
        assert not copy.exists()


def test_should_forward_no_port(host: Host) -> None:
    # When
    forward = ("-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:0:127.0.0.1:1")
    run = subprocess.run(
        host.command(*forward, host.settings["DEPLOY_HOST"], "status"),
        check=False,
        capture_output=True,
        text=True,
    )

    # Then
    assert run.returncode == 255
    assert "forwarding failed" in run.stderr


def test_should_admit_no_other_key(host: Host, tmp_path: Path) -> None:
    # Given
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)

    # When
    run = host.run("deploy", GOOD, DEPLOY_KEY=key.read_text(encoding="utf-8"))

    # Then
    assert run.returncode == 1
    assert "cannot reach the host; nothing has changed" in run.stderr
    assert host.read("called") == ""


def test_should_trust_no_other_host(host: Host) -> None:
    # Given
    name, kind, key = host.settings["DEPLOY_KNOWN_HOSTS"].split()
    another = f"{name} {kind} {key[:-8]}{key[-8:][::-1]}"

    # When
    run = host.run("deploy", GOOD, DEPLOY_KNOWN_HOSTS=another)

    # Then
    assert run.returncode == 1
    assert "Host key verification failed" in run.stderr
    assert host.read("called") == ""


def test_should_refuse_a_second_deploy_meanwhile(host: Host) -> None:
    # Given
    with host.start("deploy", GOOD) as first, host.held():
        wait_until(lambda: host.read("called").endswith("github"), "the first deploy", SECONDS)

        # When
        for command in (["deploy", GOOD], ["deploy", BAD], ["roll-back"]):
            run = host.run(*command)

            # Then
            assert run.returncode == 2
            assert run.stderr == "refused: another deploy or roll-back runs; see status\n"
        assert f"running: deploy {GOOD}: since " in host.run("status").stdout
    assert first.returncode == 0
    assert host.read("called").count("github") == 1


@pytest.mark.parametrize(("image", "status"), [(GOOD, 0), (BAD, 1)])
def test_should_go_on_when_the_connection_is_lost(host: Host, image: str, status: int) -> None:
    # Given
    with host.start("deploy", image) as client:
        with host.held():
            wait_until(lambda: host.read("called").endswith("github"), "the deploy", SECONDS)

            # When
            host.lose_connections()
            errors = client.stderr
            assert errors
            wait_until(lambda: "connection was lost" in errors.readline(), "the loss", SECONDS)
            assert not (host.root / "finished").exists()
        output = client.communicate()[1]

    # Then
    assert client.returncode == status
    assert f"ended: deploy {image}: exit status {status}, " in output
    assert "the connection was lost; it goes on: deploy" in host.read(".cache/delivery/log")


def test_should_go_on_when_the_client_is_killed(host: Host) -> None:
    # Given
    deploy = host.command(host.settings["DEPLOY_HOST"], f"deploy {GOOD}")
    with subprocess.Popen(deploy, stdin=subprocess.DEVNULL) as client, host.held():
        wait_until(lambda: host.read("called").endswith("github"), "the deploy", SECONDS)

        # When
        client.kill()

    # Then
    ended = f"ended: deploy {GOOD}: exit status 0, "
    wait_until(lambda: ended in host.read(".cache/delivery/last"), "the end", SECONDS)


def test_should_say_that_a_deploy_was_interrupted(host: Host) -> None:
    # Given
    last = host.root / ".cache/delivery/last"
    assert host.run("deploy", GOOD).returncode == 0
    last.write_text(last.read_text("utf-8").replace("ended:", "running:"), encoding="utf-8")

    # When
    status = host.run("status").stdout

    # Then
    assert f"interrupted: deploy {GOOD}" in status
    assert host.run("roll-back").returncode == 0
