"""Cut the power of Redis's disk under load, and count acknowledged views that are lost.

    ./pants run benchmarks/power_loss.py
    ./pants run benchmarks/power_loss.py -- --cuts 3 --seconds 60

Needs Linux, root and a loop device. Each setting of appendfsync has its turn in each round, with a
disk of its own. Prints a table for docs/benchmarks.md. Exit status: 0 if `always` lost nothing.

The disk keeps what the system had written to it, so this does not show what a disk loses that
forgets what it was told to flush.
"""

import argparse
import contextlib
import logging
import random
import signal
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import redis

from benchmarks.clone import print_heading
from benchmarks.lossy_disk import DiskError, cut_power, isolate_mounts, make_disk, mounted
from benchmarks.web_servers import directory_on_disk
from libs.page_views.reading import totals
from libs.page_views.recording import Recorder, View, new_nonce
from libs.page_views.registry import add_site, find_site
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis, embedded_redis

SETTINGS = ("always", "everysec", "no")
SENDERS = 16
SITE = "example.org"


@dataclass(frozen=True)
class Cut:
    """What a power cut did."""

    acknowledged: int
    """How many views were acknowledged before it."""
    lost: int
    """How many of these are not stored."""
    window_seconds: float
    """From the first lost acknowledgement to the cut, 0 if nothing is lost."""
    views_per_second: float


def main() -> None:
    """Cut the power again and again, and print what was lost."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--cuts", type=int, default=10, help="of each setting (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="before a cut (%(default)s)")
    options = parser.parse_args()
    logging.disable()  # calls to Redis fail on purpose
    cuts: dict[str, list[Cut]] = {setting: [] for setting in SETTINGS}
    try:
        isolate_mounts()
        for _ in range(options.cuts):
            for setting in SETTINGS:
                seconds = options.seconds + random.random()  # nosec B311  # not a secret
                cuts[setting].append(lose_power(setting, seconds))
    except DiskError as error:
        sys.exit(f"no power to cut: {error}")
    what = f"{options.cuts} power cuts of each, {options.seconds:g} to {options.seconds + 1:g} s"
    columns = ("`appendfsync`", "Views per second", "× `always`", "Views", "Lost", "Window, s")
    print_heading(f"{what} after {SENDERS} senders began.", columns)
    for setting in SETTINGS:
        print_row(setting, cuts)
    sys.exit(any(cut.lost for cut in cuts["always"]))


def print_row(setting: str, cuts: dict[str, list[Cut]]) -> None:
    """Print the row of a setting: medians of speed, sums of views, and the longest window."""
    every = cuts[setting]
    rate = statistics.median(cut.views_per_second for cut in every)
    ratio = statistics.median(
        cut.views_per_second / always.views_per_second
        for cut, always in zip(every, cuts["always"], strict=True)
    )
    acknowledged, lost = sum(cut.acknowledged for cut in every), sum(cut.lost for cut in every)
    window = max(cut.window_seconds for cut in every)
    print(
        f"| `{setting}` | {rate:,.0f} | {ratio:.2f} | {acknowledged:,} | {lost:,} | {window:.2f} |"
    )


def lose_power(setting: str, seconds: float) -> Cut:
    """Record views with a setting of appendfsync, cut the power, and compare what is stored."""
    with directory_on_disk() as directory:
        file, disk = directory / "disk.ext4", directory / "disk"
        make_disk(file)
        cut = threading.Event()
        with ThreadPoolExecutor(SENDERS) as senders, mounted(file, disk):
            with embedded_redis(disk / "redis") as server:
                recorder = prepare(server, setting)
                began = time.monotonic()
                sending = [senders.submit(send_views, recorder, cut) for _ in range(SENDERS)]
                try:
                    time.sleep(seconds)
                    cut_at = time.monotonic()
                    cut_power(disk)
                finally:
                    cut.set()
                    server.process.kill()
        every = {nonce: at for sender in sending for nonce, at in sender.result().items()}
        # A flush that is under way may still be confirmed, but to nobody if the power is off.
        acknowledged = {nonce: at for nonce, at in every.items() if at < cut_at}
        with mounted(file, disk), embedded_redis(disk / "redis") as server:
            lost = acknowledged.keys() - stored_nonces(server)
    return Cut(
        len(acknowledged),
        len(lost),
        max((cut_at - acknowledged[nonce] for nonce in lost), default=0),
        len(acknowledged) / (cut_at - began),
    )


def prepare(server: EmbeddedRedis, setting: str) -> Recorder:
    """Register a site, which is on disk then, before the setting is made."""
    client = connect(server.url)
    add_site(client, SITE, client_limit=0, site_limit=0)
    client.config_set("appendfsync", setting)
    return Recorder(client)


def send_views(recorder: Recorder, cut: threading.Event) -> dict[str, float]:
    """Send views until the power is cut; return when each was acknowledged, by its nonce."""
    acknowledged = {}
    while not cut.is_set():
        nonce = new_nonce()
        with contextlib.suppress(redis.RedisError):
            recorder.record(SITE, [View("/", time.time(), nonce=nonce)])
            acknowledged[nonce] = time.monotonic()
    return acknowledged


def stored_nonces(server: EmbeddedRedis) -> set[str]:
    """Return the nonces of the views that are stored; exit if one counts twice."""
    with contextlib.closing(connect(server.url)) as client:
        site = find_site(client, SITE)
        prefix = f"{site.key}:nonce:"
        keys = client.scan_iter(f"{prefix}*", count=1000)
        nonces = {key.decode().removeprefix(prefix) for key in keys}
        if (views := totals(client, site).views) != len(nonces):
            raise SystemExit(f"{views} views are stored with {len(nonces)} nonces")
    return nonces


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up
    main()
