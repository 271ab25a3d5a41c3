"""Import a generated access log, twice, and print lines per second and memory.

./pants run benchmarks/imports.py -- --lines 200000
"""

import argparse
import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from pathlib import Path

from benchmarks.web_servers import directory_on_disk
from libs.page_views.reading import totals
from libs.page_views.registry import add_site
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from libs.redis_access.urls import VARIABLE

PATHS = 9_000
VISITORS = 50_000
LINES_PER_SECOND = 10
"""How busy the server was whose log it is."""

PROGRAM = [sys.executable, "-m", "services.admin"]

_BEGIN = datetime(2026, 1, 5, tzinfo=timezone.utc)
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
_BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
_REFERRERS = ["-"] * 7 + ["https://www.google.com/", "https://news.example/item?id=1", "-"]


def generated_lines(count: int) -> Iterator[str]:
    """Yield lines in the format combined: a third of them page views of people."""
    chance = random.Random(1)  # nosec B311  # not a secret
    paths = [f"/articles/{n}/title-of-this-article" for n in range(PATHS)]
    popularity = list(accumulate(1 / (n + 1) for n in range(PATHS)))  # Zipf's law
    for number in range(count):
        time_ = _BEGIN + timedelta(seconds=number // LINES_PER_SECOND)
        visitor = chance.randrange(VISITORS)
        agent = _BROWSER.format(100 + visitor % 41)
        path, status = chance.choices(paths, cum_weights=popularity)[0], 200
        match number % 9:
            case 0 | 1 | 2 | 3:
                path = f"/static/{visitor % 50}.{chance.choice(('css', 'js', 'png', 'woff2'))}"
            case 4:
                agent = _BOT
            case 5:
                status = chance.choice((301, 404, 500))
        yield (
            f"10.{visitor >> 16}.{visitor >> 8 & 255}.{visitor & 255} - - "
            f'[{time_:%d/%b/%Y:%H:%M:%S} +0000] "GET {path} HTTP/1.1" {status} 5120 '
            f'"{chance.choice(_REFERRERS)}" "{agent}"\n'
        )


def import_log(url: str, site: str, log: Path) -> int:
    """Import a log as an operator does; return how many views that were."""
    environment = {**os.environ, VARIABLE: url, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*PROGRAM, "import", "log", site, str(log), "--yes", "--json"],
        env=environment,
        check=True,
        capture_output=True,
    )
    views: int = json.loads(done.stdout)["views"]
    return views


def main() -> None:
    """Print what is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    lines = parser.parse_args().lines
    with contextlib.ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "access.log"
        with log.open("w", encoding="ascii") as file:
            file.writelines(generated_lines(lines))
        server = stack.enter_context(embedded_redis(stack.enter_context(directory_on_disk())))
        client = stack.enter_context(contextlib.closing(connect(server.url)))
        site = add_site(client, "example.org")
        for what in ("imported", "again"):
            begin = time.perf_counter()
            views = import_log(server.url, site.name, log)
            seconds = time.perf_counter() - begin
            print(f"{what + ':':<22}{lines / seconds:>8,.0f} lines/s, {views:,} views")
        own_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(f"memory of the command: {own_bytes / 1e6:>7,.0f} MB at most")
        print(f"memory of Redis:       {client.info('memory')['used_memory'] / 1e6:>7,.0f} MB")
        if (views := totals(client, site).views) != lines // 9 * 3 + max(0, lines % 9 - 6):
            sys.exit(f"{views:,} views are stored")


if __name__ == "__main__":
    main()
