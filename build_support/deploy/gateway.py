"""What the gateway of the stack does with the two colours, and how to shift requests.

One number is the state of a deploy: the percentage of requests that web-service-green gets. The
gateway reads it from a file when it starts, and takes it over its admin socket while it runs.
"""

import csv
import os
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from build_support.deploy.running import Failed, run, start

BLUE, GREEN = "web-service", "web-service-green"
"""The colours, called like their services."""

_MAP = "/deploy/green.map"  # as in haproxy.cfg
# Sends commands to the admin socket of haproxy.cfg.
_ASK = "exec 3<>/dev/tcp/127.0.0.1/8405 && cat >&3 && cat <&3"


@dataclass(frozen=True)
class Traffic:
    """What the gateway does with requests now."""

    green: int
    """The percentage that web-service-green gets."""
    ready: dict[str, int]
    """For each colour, how many replicas the gateway may ask."""
    requests: dict[str, int]
    """For each colour, how many requests are under way."""


class Gateway:
    """The container of the gateway, and the file that it reads when it starts."""

    def __init__(self, container: str, file: Path) -> None:
        self._container = container
        self._file = file

    def traffic(self) -> Traffic:
        """Return what the gateway does now. Raises Failed if it does not answer."""
        shown, _, rest = self._ask(f"show map {_MAP}; show stat").partition("# pxname")
        lines = [line.split() for line in shown.splitlines()]
        percentages = [int(words[2]) for words in lines if words[1:2] == ["green"]]
        backends = {
            row["# pxname"]: row
            for row in csv.DictReader(f"# pxname{rest}".splitlines())
            if row["svname"] == "BACKEND"
        }
        try:
            return Traffic(
                percentages[0] if percentages else 0,
                {colour: int(backends[colour]["act"]) for colour in (BLUE, GREEN)},
                {
                    colour: sum(int(backends[name]["scur"]) for name in (colour, f"{colour}-live"))
                    for colour in (BLUE, GREEN)
                },
            )
        except KeyError as error:
            raise Failed("gateway-service does not know both colours: start it anew") from error

    def wait_until(self, condition: Callable[[Traffic], bool], seconds: float) -> bool:
        """Return True as soon as a condition holds for the traffic, or False after that time."""
        deadline = time.monotonic() + seconds
        while not condition(self.traffic()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def shift(self, green: int) -> None:
        """Let web-service-green have this percentage of requests, also when the gateway restarts.

        Raises Failed if the gateway does not answer or accept it.
        """
        new = self._file.with_suffix(".new")
        new.write_text(f"green {green}\n", encoding="utf-8")
        new.chmod(0o644)  # the gateway's user reads it
        new.replace(self._file)
        answer = self._ask(f"set map {_MAP} green {green}").strip()
        if "not found" in answer:  # it started without a file
            answer = self._ask(f"add map {_MAP} green {green}").strip()
        if answer:
            raise Failed(f"gateway-service says {answer}")

    def log_lines(self, seconds: float) -> Iterator[str | None]:
        """Yield the lines that the gateway logs within that time, and None once a second."""
        end, pulse, rest = time.monotonic() + seconds, time.monotonic() + 1, b""
        now = datetime.now(timezone.utc).isoformat()
        with start("docker", "logs", "--follow", "--since", now, self._container) as process:
            try:
                assert process.stdout  # nosec B101  # start() makes one
                while (left := end - time.monotonic()) > 0:
                    if time.monotonic() > pulse:
                        pulse += 1
                        yield None
                    if select.select([process.stdout], [], [], min(left, 1))[0]:
                        got = os.read(process.stdout.fileno(), 1 << 20)
                        if not got:
                            raise Failed("the log of gateway-service ended")
                        *lines, rest = (rest + got).split(b"\n")
                        yield from (line.decode(errors="replace") for line in lines)
            finally:
                process.kill()

    def _ask(self, commands: str) -> str:
        """Return what the admin socket answers to commands."""
        command = ("docker", "exec", "--interactive", self._container, "bash", "-c", _ASK)
        return run(*command, send=f"{commands}\n")
