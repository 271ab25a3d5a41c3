"""The commands that carry sites elsewhere, and invent one."""

import contextlib
import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
import redis

from libs.page_views.demonstration import demonstration
from libs.page_views.reading import totals
from libs.page_views.registry import SiteExists, all_sites, find_site, site_keys
from libs.page_views.transfer import Record, TransferError, export_sites, load_sites
from services.admin.commands.command import Answer, SiteName, progress_bar, redis_command

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


@click.command()
@click.argument("names", metavar="[SITE]...", nargs=-1, type=SiteName())
@click.option("--output", type=click.Path(path_type=Path), help="A file; .gz compresses it.")
@redis_command
def export(client: redis.Redis, names: tuple[str, ...], output: Path | None) -> Answer | None:
    """Write all that is kept of sites, or of all sites, as JSON, one object a line.

    That is the settings, all numbers of all periods, and the hashes of tokens, so tokens stay
    valid. For privacy, nothing that tells visitors apart is carried over (salts, the day's
    visitors, who is here now), nor are nonces and used limits. Views may be counted meanwhile; do
    not import any.
    """
    sites = [find_site(client, name) for name in dict.fromkeys(names)] or list(all_sites(client))
    records = export_sites(client, sites)
    if output is None:
        _write(records, sys.stdout.buffer)
        return None
    tables = sum(len(site_keys(client, site.key, "hash")) for site in sites)
    with progress_bar(records, tables) as shown, _new_file(output) as file:
        _write(shown, file)
    exported = [site.name for site in sites]
    return Answer({"exported": exported}, f"{', '.join(exported)}: exported to {output}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--replace", is_flag=True, help="Replace sites that exist, with all their numbers.")
@redis_command
def load(client: redis.Redis, file: str, replace: bool) -> Answer:
    """Load what `export` wrote to FILE; - is standard input, and .gz is decompressed.

    A site appears when all of it is stored. If one exists already, nothing is loaded.
    """
    size = 0 if file == "-" else os.path.getsize(file)
    progress: "ProgressBar[Record]"
    try:
        with click.open_file(file, "rb") as opened, progress_bar(None, size) as progress:
            names = load_sites(client, _records(opened, file.endswith(".gz"), progress), replace)
    except SiteExists as error:
        raise click.ClickException(
            f"{error}; nothing is loaded: give --replace to replace it and all its numbers"
        ) from error
    loaded = ", ".join(names)
    return Answer({"loaded": names}, f"{loaded}: loaded", change=("", f"loaded {loaded}"))


@click.command()
@click.argument("name", type=SiteName())
@click.option("--seed", default=0, help="Invent other numbers with another seed (0).")
@redis_command
def demo(client: redis.Redis, name: str, seed: int) -> Answer:
    """Register a site with a year of invented views, to see what the tracker shows.

    It is marked as a demonstration; `sites remove` removes it.
    """
    load_sites(client, demonstration(name, datetime.now(timezone.utc), seed))
    views = totals(client, find_site(client, name)).views
    change = (name, f"registered a demonstration with {views:,} invented views")
    text = f"{name} has {views:,} invented views"
    return Answer({"name": name, "views": views}, text, change=change)


def _records(
    file: IO[bytes], compressed: bool, progress: "ProgressBar[Record]"
) -> Iterator[Record]:
    """Yield the records of a file and move the bar by the bytes read. Raises TransferError."""
    lines = gzip.GzipFile(fileobj=file) if compressed else file
    number = shown = 0
    try:
        for number, line in enumerate(lines, 1):
            yield json.loads(line)
            if not progress.hidden:
                position = file.tell()
                progress.update(position - shown)
                shown = position
        progress.finish()
        progress.render_progress()
    except (EOFError, OSError, zlib.error) as error:
        raise TransferError("the file is cut off or damaged") from error
    except ValueError as error:
        raise TransferError(f"line {number} is no JSON") from error


def _write(records: Iterable[Record], file: IO[bytes] | gzip.GzipFile) -> None:
    for record in records:
        file.write(json.dumps(record).encode() + b"\n")
    file.flush()


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Yield a file that replaces path when the context ends, if nothing was raised."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed:
                    yield compressed
            else:
                yield file
        part.replace(path)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
