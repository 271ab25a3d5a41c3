"""Deploy swarm.yaml to two machines for tests, and look into it."""

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from compose.machines.testing import Machine, machines
from compose.machines.visitors_testing import SITE, Seen, visitors
from libs.processes.testing import wait_until

STACK = "page-tracker"
SWARM_FILE = Path("compose/swarm.yaml")
ADMIN_FILE = Path("compose/swarm.admin.yaml")
SERVICES = ("web", "dashboard", "admin")

READY_SECONDS = 180

# All that decides is on the second machine, so the first may be lost.
LABELS = (
    ("redis-1", "sentinel-1"),
    ("redis-2", "sentinel-2", "sentinel-3", "redis-spare"),
)


class Stack:
    """The stack on two machines: a worker, and the manager."""

    def __init__(self, members: list[Machine], secrets: Path, enter: Callable[[], None]) -> None:
        self.worker, self.manager = members
        self.machines = members
        self._enter = enter
        self._variables = {
            "SECRETS_DIR": str(secrets),
            "ADDRESS_REQUESTS": "1000000",
            "WEB_REPLICAS": "2",
        }

    def form_swarm(self) -> None:
        """Make a swarm of the machines, and say what each is for."""
        self.manager.docker("swarm", "init", "--advertise-addr", self.manager.address)
        token = self.manager.docker("swarm", "join-token", "--quiet", "worker")
        where = ("--advertise-addr", self.worker.address, f"{self.manager.address}:2377")
        self.worker.docker("swarm", "join", "--token", token, *where)
        for machine, labels in zip(self.machines, LABELS):
            options = [option for label in labels for option in ("--label-add", f"{label}=yes")]
            self.manager.docker("node", "update", *options, machine.name)

    def deploy(self, tag: str) -> None:
        """Deploy the images with a tag, as a user would, except that there is no registry."""
        self._variables["IMAGE_TAG"] = tag
        file = ("--compose-file", str(SWARM_FILE), "--detach=true", "--resolve-image", "never")
        self.manager.docker("stack", "deploy", *file, STACK, **self._variables)

    def admin(self, *arguments: str) -> str:
        """Run the operator's command line."""
        run = ("compose", "--file", str(ADMIN_FILE), "run", "--rm", "-T", "admin")
        return self.manager.docker(*run, *arguments, **self._variables)

    def scale(self, service: str, replicas: int) -> None:
        """Set how many tasks a service has."""
        self.manager.docker("service", "scale", "--detach", f"{STACK}_{service}={replicas}")

    def update_state(self, service: str) -> str:
        """Return how the last update of a service went."""
        state = "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
        return self.manager.docker("service", "inspect", "--format", state, f"{STACK}_{service}")

    def image(self, service: str) -> str:
        """Return the image that a service is to run."""
        image = "{{.Spec.TaskTemplate.ContainerSpec.Image}}"
        return self.manager.docker("service", "inspect", "--format", image, f"{STACK}_{service}")

    def container(self, service: str) -> tuple[Machine, str]:
        """Return the machine and the container of a service that has one. Raises LookupError."""
        for machine in self.machines:
            found = machine.run("ps", "--quiet", "--filter", f"name={STACK}_{service}\\.")
            if found.returncode == 0 and found.stdout.strip():
                return machine, found.stdout.split()[0]
        raise LookupError(f"no container of {service}")

    def ask(self, service: str, *command: str) -> str:
        """Run a command in the container of a service; return "" if it fails."""
        with contextlib.suppress(LookupError):
            machine, container = self.container(service)
            return machine.run("exec", container, *command).stdout.strip()
        return ""

    def primary(self) -> str:
        """Return the Redis that the Sentinels call the primary, "" if they do not agree."""
        return self.ask("sentinel-2", "redis-primary")

    def forget_replicas(self) -> None:
        """Let the Sentinels forget servers that are no longer there."""
        for number in (1, 2, 3):
            reset = ("redis-as", "operator", "-p", "26379", "sentinel", "reset", "page-tracker")
            assert self.ask(f"sentinel-{number}", *reset) == "1"

    def replicas(self) -> int:
        """Return how many replicas are in step with the primary."""
        if not (primary := self.primary()):
            return 0
        return self.ask(primary, "redis-as", "operator", "info", "replication").count("online")

    def stored(self) -> tuple[int, int]:
        """Return how many views the primary has, of the page and of SITE."""
        primary = self.primary()
        pages = self.ask(primary, "redis-as", "operator", "get", "page_views")
        views = self.ask(primary, "redis-as", "operator", "hget", "v2:{1}:all", "views")
        return int(pages or 0), int(views or 0)

    def is_ready(self) -> bool:
        """Return whether both gateways say that a view would be counted."""
        ready = []

        def ask_gateways() -> None:
            self._enter()
            for machine in self.machines:
                connection = HTTPConnection(machine.address, timeout=2)
                with contextlib.suppress(OSError), contextlib.closing(connection):
                    connection.request("GET", "/readyz")
                    ready.append(connection.getresponse().status == 200)

        _in_thread(ask_gateways)
        return ready == [True, True]

    def wait_until_well(self) -> None:
        """Wait until the primary has its replica and no other, and all gateways are ready."""
        wait_until(lambda: self.replicas() == 1, "a replica in step", READY_SECONDS)
        wait_until(self.is_ready, "the gateways", READY_SECONDS)

    def visited(self) -> contextlib.AbstractContextManager[Seen]:
        """Let visitors come until the context ends."""
        return visitors([machine.address for machine in self.machines], self._enter)


@contextlib.contextmanager
def running_stack(directory: Path, tag: str, *more_tags: str) -> Iterator[Stack]:
    """Run the stack with the images that the engine of this machine has under a tag.

    directory is for temporary files. The machines also get the images with more tags.
    """
    images = directory / "images.tar"
    secrets = directory / "secrets"
    environment = {**os.environ, "SECRETS_DIR": str(secrets)}
    subprocess.run(["build_support/containers/make_secrets.sh"], env=environment, check=True)
    names = [f"page-tracker-{service}:{each}" for service in SERVICES for each in (tag, *more_tags)]
    with machines(range(1, 3)) as (members, enter_network):
        _save(names, images)
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda machine: machine.load(images), members))
        images.unlink()
        stack = Stack(members, secrets, enter_network)
        stack.form_swarm()
        stack.deploy(tag)
        stack.wait_until_well()
        stack.admin("sites", "add", SITE, "--site-limit", "0", "--client-limit", "0")
        yield stack


def _save(names: list[str], file: Path) -> None:
    """Save images of this machine's engine, and those of others that the stack has, to a file."""
    others = sorted(set(re.findall(r"^ *image: ([a-z]+:\S+)", SWARM_FILE.read_text("utf-8"), re.M)))
    subprocess.run(["docker", "save", "--output", str(file), *names, *others], check=True)


def _in_thread(function: Callable[[], None]) -> None:
    """Run a function in a thread of its own, which may be moved to another network."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(function).result()
