"""Measure what the gateway costs: the page through it, and from the web service itself.

    ./pants package services/web services/dashboard
    python3 -m benchmarks.gateway --rounds 5 --seconds 10

Prints a table for docs/benchmarks.md. Needs Docker. The stack is its own, with one web service and
without a limit for an address; both are asked at their own addresses in its network, in turns.
"""

import argparse
import os
import statistics
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.load import Load, wrk

MOST_PERCENT = 15
MOST_MILLISECONDS = 2
CONNECTIONS = 16

_SERVICES = ("web-service", "gateway-service")
_ROOT = Path(__file__).parent.parent


def main() -> None:
    """Measure, print each figure beside its target, and remove the stack."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="of load, each time")
    options = parser.parse_args()
    with TemporaryDirectory() as secrets:
        os.environ |= {
            "COMPOSE_FILE": str(_ROOT / "compose/compose.yaml"),
            "COMPOSE_PROJECT_NAME": f"page-tracker-gateway-{os.getpid()}",
            "SECRETS_DIR": f"{secrets}/secrets",
            "ADDRESS_REQUESTS": "2000000000",
            "WEB_PORT": "0",
        }
        run(str(_ROOT / "build_support/containers/make_secrets.sh"))
        try:
            run("docker", "compose", "up", "--detach", "--wait", "--quiet-pull")
            urls = [f"http://{address(service)}:8000/" for service in _SERVICES]
            rounds = [
                [wrk(url, CONNECTIONS, options.seconds) for url in urls]
                for _ in range(options.rounds)
            ]
        finally:
            run("docker", "compose", "down", "--volumes")
    direct, through = zip(*rounds)
    show(direct, through)


def show(direct: Iterable[Load], through: Iterable[Load]) -> None:
    """Print the medians, and what the gateway costs."""

    def medians(figure: Callable[[Load], float]) -> tuple[float, float]:
        return statistics.median(map(figure, direct)), statistics.median(map(figure, through))

    rate, rate_through = medians(lambda load: load.requests_per_second)
    p99, p99_through = medians(lambda load: load.p99_ms)
    failed, failed_through = (sum(load.failed for load in loads) for loads in (direct, through))
    print(f"On {os.cpu_count()} cores, {CONNECTIONS} connections; medians.\n")
    print("| What | Web service itself | Through the gateway | Costs | Target |")
    print("|---|---|---|---|---|")
    percent = f"{100 * (1 - rate_through / rate):.0f} % | {MOST_PERCENT} %"
    print(f"| Pages per second | {rate:.0f} | {rate_through:.0f} | {percent} |")
    milliseconds = f"{p99_through - p99:.1f} | {MOST_MILLISECONDS}"
    print(f"| p99, ms | {p99:.1f} | {p99_through:.1f} | {milliseconds} |")
    print(f"| Failed | {failed} | {failed_through} | | 0 |")


def address(service: str) -> str:
    """Return the address of a service's container in frontend-network."""
    container = run("docker", "compose", "ps", "--quiet", service).strip()
    network = f"{os.environ['COMPOSE_PROJECT_NAME']}_frontend-network"
    field = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
    return run("docker", "inspect", "--format", field, container).strip()


def run(*command: str) -> str:
    """Run a command; return its output."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
