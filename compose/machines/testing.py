"""Run two Docker engines for tests, each as on a machine of its own, on this one."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from libs.processes.child import child_process
from libs.processes.testing import wait_until

MACHINE = Path("compose/machines/machine.sh")
NETWORK = "192.168.77"

START_SECONDS = 60
REMOVE_SECONDS = 300

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Machine:
    """A machine with a Docker engine, which can be lost and come back."""

    def __init__(self, directory: Path, network: int, number: int) -> None:
        """Describe machine number; network is a process in the network of all machines."""
        self.directory = directory
        self.address = f"{NETWORK}.{number}"
        self.name = f"machine-{number}"
        self._network = network
        self._stack = contextlib.ExitStack()
        directory.mkdir()

    def start(self) -> None:
        """Start the machine with the data it has; wait until its engine answers."""
        (self.directory / "docker.sock").unlink(missing_ok=True)
        where = (str(self.directory), str(self._network), self.address)
        command = [str(MACHINE.absolute()), *where]
        process = self._stack.enter_context(child_process(command))

        def answers() -> bool:
            assert process.poll() is None, (self.directory / "log").read_text()[-2000:]
            return self.run("version").returncode == 0

        wait_until(answers, f"the engine of {self.name}", START_SECONDS)

    def lose(self) -> None:
        """Let everything on the machine end at once."""
        self._stack.close()

    def run(self, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        """Run `docker` on this machine, whether it succeeds or not; options are variables."""
        return subprocess.run(
            ["docker", *arguments],
            check=False,
            env={**os.environ, **options, "DOCKER_HOST": f"unix://{self.directory}/docker.sock"},
            capture_output=True,
            text=True,
        )

    def docker(self, *arguments: str, **options: str) -> str:
        """Run `docker` on this machine; return what it prints, without the last line's end."""
        run = self.run(*arguments, **options)
        assert run.returncode == 0, f"docker {' '.join(arguments)}: {run.stderr}"
        return run.stdout.rstrip("\n")

    def load(self, images: Path) -> None:
        """Load images that `docker save` wrote to a file."""
        self.docker("load", "--quiet", "--input", str(images))


@contextlib.contextmanager
def machines(numbers: range) -> Iterator[tuple[list[Machine], Callable[[], None]]]:
    """Yield machines, and what lets the thread that calls it reach them; remove them in the end."""
    with contextlib.ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="page-tracker-", dir="/var/tmp"))
        stack.callback(_remove, directory)
        bridge = (
            "ip link set lo up && ip link add switch up type bridge && "
            f"ip address add {NETWORK}.254/24 dev switch && exec sleep infinity"
        )
        network = stack.enter_context(child_process(["unshare", "--net", "sh", "-c", bridge]))
        wait_until(lambda: psutil.Process(network.pid).name() == "sleep", "the network")
        made = []
        for number in numbers:
            machine = Machine(directory / f"{directory.name}-{number}", network.pid, number)
            stack.callback(machine.lose)
            made.append(machine)
        for machine in made:
            machine.start()
        yield made, lambda: _enter_network(network.pid)


def _enter_network(process_id: int) -> None:
    """Move the calling thread, and nothing else, to the network of a process."""
    with open(f"/proc/{process_id}/ns/net", "rb") as namespace:
        if _LIBC.setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot enter the network of the machines")


def _remove(directory: Path) -> None:
    """Remove the data of machines that have ended, and the control groups of their containers."""

    def try_to_remove() -> bool:
        shutil.rmtree(directory, ignore_errors=True)
        for top in _groups(directory):
            for group, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):  # its last process has not ended yet
                    os.rmdir(group)
        return not directory.exists() and not _groups(directory)

    wait_until(try_to_remove, f"the removal of {directory}", REMOVE_SECONDS)


def _groups(directory: Path) -> list[Path]:
    """Return the control groups of machines: of version 2, or of each kind of version 1."""
    root = Path("/sys/fs/cgroup")
    return [*root.glob(f"{directory.name}-*"), *root.glob(f"*/{directory.name}-*")]
