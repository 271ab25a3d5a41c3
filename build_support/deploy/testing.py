"""A host to deploy to, for tests: a real sshd with the forced command, and a stand-in deploy.py."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from build_support.testing import REPOSITORY, write
from libs.processes.testing import wait_until

IMAGE = "registry.example/somebody/page-tracker-web"
GOOD, BAD = f"{IMAGE}@sha256:{'a' * 64}", f"{IMAGE}@sha256:{'b' * 64}"

CONNECT_SECONDS = 30
"""How long sshd may take to start, the first time unpacked from its package."""

# Goes on only when no file "hold" tells it to wait. BAD fails, as an image that crashes does.
_DEPLOY = f"""\
import sys
import time
from pathlib import Path

root = Path(__file__).resolve().parents[2]
if "--status" in sys.argv:
    sys.exit(print("web-service: 100 %"))
with (root / "called").open("a") as called:
    print(*sys.argv[1:], file=called)
print("start …", flush=True)
while (root / "hold").exists():
    time.sleep(0.01)
print("smoke test …", flush=True)
(root / "finished").touch()
if {BAD!r} in sys.argv:
    sys.exit("start: it crashed")
"""


@dataclass
class Host:
    """A host; root is the root of the repository there, and ssh has what a client needs."""

    root: Path
    ssh: Path
    server: subprocess.Popen[bytes]

    @property
    def settings(self) -> dict[str, str]:
        """Return what deploy.yml is told about this host."""
        return {
            "DEPLOY_HOST": self.read("ssh/address"),
            "DEPLOY_KEY": self.read("ssh/key"),
            "DEPLOY_KNOWN_HOSTS": self.read("ssh/known_hosts"),
        }

    def read(self, name: str) -> str:
        """Return the text of a file of this host without the last line end, "" if there is none."""
        file = self.root / name
        return file.read_text(encoding="utf-8").rstrip("\n") if file.exists() else ""

    def reset(self) -> None:
        """Forget all deploys."""
        shutil.rmtree(self.root / ".cache", ignore_errors=True)
        for name in ("hold", "called", "finished"):
            (self.root / name).unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no deploy finish until the context ends."""
        hold = self.root / "hold"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def command(self, *arguments: str, program: str = "ssh") -> list[str]:
        """Return the command that connects with the key: ssh, or another of its programs."""
        options = (
            *("BatchMode=yes", "RequestTTY=no", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"),
            f"UserKnownHostsFile={self.ssh / 'known_hosts'}",
        )
        named = [word for option in options for word in ("-o", option)]
        return [program, "-F", "none", "-i", str(self.ssh / "key"), *named, *arguments]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run run_on_host.sh with a command for this host."""
        return subprocess.run(
            [REPOSITORY / "build_support/deploy/run_on_host.sh", *command],
            env={**os.environ, **self.settings, **environment},
            check=False,
            capture_output=True,
            text=True,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start run_on_host.sh with a command for this host; the caller waits for its end."""
        # pylint: disable=consider-using-with
        return subprocess.Popen(
            [REPOSITORY / "build_support/deploy/run_on_host.sh", *command],
            env={**os.environ, **self.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lose_connections(self) -> None:
        """Kill the processes of sshd that serve connections, but nothing that they have started."""
        for process in psutil.Process(self.server.pid).children(recursive=True):
            if process.name().startswith("sshd"):
                process.kill()


@contextmanager
def host_in(root: Path) -> Iterator[Host]:
    """Run a host in a directory until the context ends."""
    deploy = root / "build_support/deploy"
    write(deploy / "deploy.py", _DEPLOY)
    shutil.copy(REPOSITORY / "build_support/deploy/remote.py", deploy)
    ssh = root / "ssh"
    ssh.mkdir()
    forced = f"{deploy / 'remote.py'} {IMAGE} --by github"
    with subprocess.Popen(
        [REPOSITORY / "build_support/deploy/serve_ssh.sh", ssh, forced]
    ) as server:
        try:
            host = Host(root, ssh, server)
            wait_until(lambda: _answers(host), "sshd", CONNECT_SECONDS)
            yield host
        finally:
            server.kill()


def _answers(host: Host) -> bool:
    assert host.server.poll() is None, host.read("ssh/log")
    if not (host.ssh / "address").exists():
        return False
    return host.run("status").returncode == 0
