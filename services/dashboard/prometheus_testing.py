"""Run a real Prometheus in tests, with our rules."""

import contextlib
import json
import math
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from libs.processes.child import child_process
from libs.processes.testing import wait_until

RUN = "build_support/monitoring/prometheus.sh"
RULES = Path("compose/monitoring/rules.yml")

REASONS = {
    **{"bot": 6.0, "ai_crawler": 2, "unknown_site": 1, "rate_limit": 0.4, "referrer_spam": 0.3},
    **{"prefetch": 0.2, "invalid_path": 0.1},
}
"""Why requests of an invented day were dropped, and how many per second at noon."""

_CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: services
    file_sd_configs: [{{files: ["{targets}"]}}]
"""


@dataclass
class Prometheus:
    """A Prometheus that runs."""

    url: str
    process_id: int
    targets: Path
    """The file that says what it collects."""

    def collect(self, **jobs: str) -> None:
        """Collect what is at an address, such as 127.0.0.1:9000, as a job of this name."""
        found = [{"targets": [at], "labels": {"job": job}} for job, at in jobs.items()]
        self.targets.with_suffix(".new").write_text(json.dumps(found), "utf-8")
        self.targets.with_suffix(".new").rename(self.targets)


@contextlib.contextmanager
def prometheus(directory: Path, past: Mapping[str, Mapping[int, float]]) -> Iterator[Prometheus]:
    """Run a Prometheus with its data in a directory, and with our rules; at the end stop it.

    Alerts fire after a second instead of minutes.

    past has what it has measured earlier: values by their time, in seconds since 1970, of series
    such as 'up{job="web"}'.
    """
    data, targets = directory / "data", directory / "targets.json"
    configuration = directory / "prometheus.yml"
    rules = directory / "rules.yml"
    rules.write_text(re.sub(r"for: \d+m", "for: 1s", RULES.read_text("utf-8")))
    configuration.write_text(_CONFIGURATION.format(rules=rules, targets=targets))
    if past:
        _remember(past, directory / "past", data)
    command = [
        *(RUN, "prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={data}"),
        *("--web.listen-address=127.0.0.1:0", "--log.level=warn"),
    ]
    with child_process(command) as process:
        watched = psutil.Process(process.pid)
        wait_until(lambda: bool(_ports(watched)), "Prometheus to listen", 60)  # it may be unpacked
        started = Prometheus(f"http://127.0.0.1:{_ports(watched)[0]}", process.pid, targets)
        yield started


def _ports(process: psutil.Process) -> list[int]:
    found = process.net_connections("tcp")
    return [each.laddr.port for each in found if each.status == psutil.CONN_LISTEN]


def _remember(past: Mapping[str, Mapping[int, float]], file: Path, data: Path) -> None:
    """Write blocks of data with what was measured earlier."""
    lines = [
        f"{series} {value} {at}" for series, values in past.items() for at, value in values.items()
    ]
    file.write_text("\n".join([*lines, "# EOF\n"]))
    command = [RUN, "promtool", "tsdb", "create-blocks-from", "openmetrics", str(file), str(data)]
    subprocess.run(command, check=True, capture_output=True)


def invented_day(now: float) -> dict[str, dict[int, float]]:
    """Return what rules.yml might have recorded in the last 24 h: a quiet night, and an outage."""
    times = range(int(now) - 24 * 3600, int(now) - 30, 60)
    outage = range(int(now) - 1900, int(now) - 1500)
    past = {}
    for series, (busy, idle, out) in dict(_invented()).items():
        past[series] = {at: idle + (busy - idle) * _daylight(at) for at in times}
        if out is not None:
            past[series].update((at, out) for at in times if at in outage)
    return past


def _daylight(at: int) -> float:
    """Return 0 at midnight and 1 at noon."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * at / 86400)


def _invented() -> Iterator[tuple[str, tuple[float, float, float | None]]]:
    """Yield series, each with its values at noon, at midnight, and in the outage if it differs."""
    for job, busy in (("gateway", 42.0), ("web", 40), ("dashboard", 2)):
        for status, rate in {"2xx": busy, "3xx": busy / 50, "4xx": busy / 20}.items():
            labels = f'{{class="{status}",job="{job}"}}'
            yield f"job_class:page_tracker_requests:rate5m{labels}", (rate, 0, None)
        yield f'job_class:page_tracker_requests:rate5m{{class="5xx",job="{job}"}}', (
            0,
            0,
            busy / 12,
        )
        yield f'job:page_tracker_requests:rate5m{{job="{job}"}}', (busy, 0, None)
        yield f'job:page_tracker_errors:rate5m{{job="{job}"}}', (0, 0, busy / 12)
    buckets = {"0.001": 0.1, "0.0025": 0.5, "0.005": 0.9, "0.01": 0.98, "0.05": 0.995, "+Inf": 1}
    for bound, part in buckets.items():
        for job in ("web", "dashboard"):
            labels = f'{{job="{job}",le="{bound}"}}'
            seconds = f"job_le:page_tracker_request_seconds:rate5m{labels}"
            yield seconds, (40 * part, 1, 20 * part**3)
        yield f'le:page_tracker_redis_call_seconds:rate5m{{le="{bound}"}}', (30 * part, 1, None)
    for bound, part in {"1": 0.6, "2": 0.8, "4": 0.95, "8": 1, "+Inf": 1}.items():
        yield f'le:page_tracker_group_size:rate5m{{le="{bound}"}}', (30 * part, 1, None)
    for outcome, busy, out in (("counted", 30, 0), ("waiting", 0, 20), ("failed", 0, 4)):
        yield f'outcome:page_tracker_views:rate5m{{outcome="{outcome}"}}', (busy, 0, out)
    for reason, busy in REASONS.items():
        yield f'reason:page_tracker_views_dropped:rate5m{{reason="{reason}"}}', (busy, 0, None)
    yield 'kind:page_tracker_redis_errors:rate5m{kind="connection"}', (0, 0, 1.5)
    yield 'kind:page_tracker_redis_errors:rate5m{kind="timeout"}', (0, 0, None)
    yield 'page_tracker_queue_depth{job="web"}', (0, 0, 800)
    for proxy, ready in (("web-service", 2), ("dashboard-service", 1)):
        yield f'haproxy_backend_active_servers{{proxy="{proxy}"}}', (ready, ready, 0)
