"""The steps of a deploy, of a roll-back, and of putting right a deploy that was interrupted."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from build_support.deploy import containers, gate
from build_support.deploy.containers import IMAGE_VARIABLES, Colour, Settings
from build_support.deploy.gateway import BLUE, GREEN, Gateway, Traffic
from build_support.deploy.running import Failed

CANARY_PERCENT = 10
READY_SECONDS = 30
DRAIN_SECONDS = 40  # longer than the gateway waits for a service


@dataclass(frozen=True)
class Stack:
    """The stack before a deploy or roll-back."""

    gateway: Gateway
    settings: Settings
    traffic: Traffic
    colours: dict[str, Colour]
    killed: str
    """The image that served when the last deploy began, if it was killed; else ""."""

    @property
    def serving(self) -> str:
        """Return the colour that gets all requests, or most: only a canary gets few."""
        return GREEN if self.traffic.green > 50 else BLUE

    @property
    def idle(self) -> str:
        """Return the other colour."""
        return BLUE if self.serving == GREEN else GREEN

    @property
    def interrupted(self) -> bool:
        """Return whether a deploy was killed before its image served all requests.

        Settings name only images that have passed, so the idle colour may run another one.
        """
        idle = self.colours[self.idle].image
        both_serve = self.traffic.green not in (0, 100)
        unknown = bool(idle) and idle != self.settings[IMAGE_VARIABLES[self.idle]]
        return both_serve or unknown or self.killed == self.colours[self.serving].image

    def give(self, colour: str, percent: int) -> None:
        """Let a colour have this percentage of requests."""
        self.gateway.shift(percent if colour == GREEN else 100 - percent)

    def drain(self, colour: str) -> None:
        """Wait until no request is under way at a colour."""
        if not self.gateway.wait_until(lambda now: now.requests[colour] == 0, DRAIN_SECONDS):
            raise Failed(f"{colour} still has requests after {DRAIN_SECONDS} s")

    def select(self, image: str) -> None:
        """Let whoever runs `docker compose up` have this image in both colours."""
        self.settings.update(**{variable: image for variable in IMAGE_VARIABLES.values()})

    def end(self, colour: str) -> None:
        """Stop a colour when it has no request any more, or has not ended one for too long."""
        self.settings.update(COMPOSE_PROFILES=self.settings.profiles(green=colour == BLUE))
        try:
            self.drain(colour)
        finally:
            containers.stop(colour)


def look(state: Path, killed: str = "") -> Stack:
    """Return the stack as it is. The directory state is mounted into the gateway."""
    colours, container = containers.running()
    gateway = Gateway(container, state / "green.map")
    stack = Stack(gateway, Settings(Path(".env")), gateway.traffic(), colours, killed)
    if not colours[stack.serving].replicas:
        raise Failed(f"{stack.serving}, which should serve, does not run: docker compose up")
    return stack


def deploy(stack: Stack, image: str, watch: float, enter: Callable[[str], None]) -> None:
    """Start image as the idle colour, test it, and let it have all requests.

    enter is called with the name of each step; watch is how long to watch the canary, in seconds.
    Raises Failed if a step fails; then the serving colour has all requests, as before.
    """
    old, new = stack.serving, stack.idle
    enter("pull")
    containers.pull(image)
    # Until the image has passed, whoever runs `docker compose up` gets the one that serves.
    stack.select(stack.colours[old].image)
    try:
        enter("start")
        replicas = stack.colours[old].replicas
        containers.remove(new)
        if not stack.gateway.wait_until(lambda now: now.ready[new] == 0, READY_SECONDS):
            raise Failed(f"the gateway still knows the earlier {new}")
        containers.start(new, image, replicas)
        enter("ready")
        if not stack.gateway.wait_until(lambda now: now.ready[new] == replicas, READY_SECONDS):
            raise Failed(f"{new} is not ready after {READY_SECONDS} s; /readyz says why")
        enter("smoke test")
        print(containers.smoke_test(new), flush=True)
        enter("canary")
        stack.give(new, CANARY_PERCENT)
        _watch(stack, watch)
        enter("switch")
        profiles = stack.settings.profiles(green=True)  # the old one goes on, too
        stack.settings.update(**{IMAGE_VARIABLES[new]: image, "COMPOSE_PROFILES": profiles})
        stack.give(new, 100)
        enter("drain")
        stack.drain(old)
    except BaseException as error:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # go back whatever happens
        try:
            abandon(stack)
        except Failed as another:
            raise Failed(f"{error}; and then, going back: {another}") from error
        raise


def roll_back(stack: Stack, enter: Callable[[str], None]) -> None:
    """Let the idle colour, which runs the image before, have all requests again."""
    enter("check")
    bad, good = stack.serving, stack.idle
    before = stack.colours[good]
    if not before.replicas or before.image == stack.colours[bad].image:
        raise Failed(f"{good} does not run an earlier image: deploy it by its digest")
    if stack.traffic.ready[good] == 0:
        raise Failed(f"{good} is not ready; /readyz says why")
    enter("switch")
    # First: if this is killed, the next one must not go to the bad image again.
    stack.select(before.image)
    stack.give(good, 100)
    enter("drain")
    stack.end(bad)


def abandon(stack: Stack) -> None:
    """Give all requests to the serving colour, and stop the other one."""
    stack.give(stack.serving, 100)
    stack.select(stack.colours[stack.serving].image)
    stack.end(stack.idle)


def _watch(stack: Stack, seconds: float) -> None:
    """Compare both colours while they serve. Raises Failed as soon as the idle one is worse."""
    old, new = stack.serving, stack.idle
    seen = {old: gate.Seen(), new: gate.Seen()}
    try:
        for line in stack.gateway.log_lines(seconds):
            if line is not None:
                gate.add(seen, line)
            elif why := gate.why_not(seen[old], seen[new], at_the_end=False):
                raise Failed(why)
    finally:
        print(gate.summary(seen.items()), flush=True)
    if why := gate.why_not(seen[old], seen[new], at_the_end=True):
        raise Failed(why)
