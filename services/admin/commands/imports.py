"""The commands that import what a server logged, or what another program counted."""

import contextlib
import functools
import os
import shutil
import signal
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from threading import Event
from typing import Any, TypeVar

import click
import redis

from libs.page_views.daily_import import DailyReport, Row, import_days
from libs.page_views.imported_hours import Identified, expect
from libs.page_views.importing import running_import
from libs.page_views.recording import View
from libs.page_views.registry import Site, find_site
from services.admin.commands.command import Answer, SiteName, progress_bar, redis_command
from services.admin.commands.import_answers import daily_answer, log_answer
from services.admin.imports import access_log, goatcounter, plausible
from services.admin.imports.daily_rows import PLAUSIBLE_TABLES, goatcounter_rows, plausible_rows
from services.admin.imports.entries import (
    csv_entries,
    log_entries,
    view_of_page_view,
    view_of_request,
)
from services.admin.imports.log_files import follow as followed
from services.admin.imports.log_files import open_log
from services.admin.imports.log_formats import FORMATS, detect_format

_Entry = TypeVar("_Entry")
_Read = Callable[[Counter[str]], Iterable[Identified[_Entry]]]

_EXPORT = click.Path(exists=True, dir_okay=False)


@click.group("import")
def imports() -> None:
    """Import what a server logged, or what another program counted.

    An import may be repeated: nothing is counted twice, and one that was interrupted goes on.
    """


def _import_command(function: Callable[..., Answer]) -> Callable[..., int]:
    """Report files that cannot be read, and the change. Adds --yes, and what redis_command adds."""

    @click.option("--yes", is_flag=True, help="Do not ask.")
    @redis_command
    @functools.wraps(function)
    def run(client: redis.Redis, **arguments: Any) -> Answer:
        try:
            answer = function(client, **arguments)
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            raise click.ClickException(f"cannot read {error.filename}: {error.strerror}") from error
        source = click.get_current_context().info_name
        return answer._replace(change=(arguments["site"], f"imported views from {source}"))

    return run


@imports.command()
@click.argument("site", type=SiteName())
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--format", "format_name", help=f"{', '.join(FORMATS)}, or json:NAME=KEY,…")
@click.option("--follow", is_flag=True, help="Import what is written to FILE until stopped.")
@click.option("--host", "hosts", multiple=True, help="Another host whose pages are the site's.")
@_import_command
def log(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # the options
    client: redis.Redis,
    site: str,
    files: Sequence[str],
    format_name: str | None,
    follow: bool,
    hosts: Sequence[str],
    yes: bool,
) -> Answer:
    """Import the page views in access logs.

    FILE may be compressed by gzip; - is standard input. Give all logs of the same hours at once.
    """
    found = find_site(client, site)
    if follow and (len(files) > 1 or "-" in files):
        raise click.UsageError("--follow takes one file, and no standard input")
    if "-" in files and not yes:
        raise click.UsageError("standard input is the log, so it cannot answer: give --yes")
    if follow and not format_name and not os.path.getsize(files[0]):
        raise click.UsageError(f"{files[0]} is empty, so its format is unknown: give --format")
    view_of = view_of_request(site)
    with _spooled(files) as paths:
        formats = [format_name or detect_format(open_log(path)) for path in paths]
        _ask(access_log.LOST, yes)
        if follow:
            return _follow(client, found, paths[0], formats[0], hosts)

        def read(problems: Counter[str]) -> Iterable[Identified[Any]]:
            return log_entries(zip(map(open_log, paths), formats), site, hosts, problems)

        return _import(client, found, "log", read, view_of)


@imports.command("goatcounter")
@click.argument("site", type=SiteName())
@click.argument("file", type=_EXPORT)
@_import_command
def import_goatcounter(client: redis.Redis, site: str, file: str, yes: bool) -> Answer:
    """Import an export of GoatCounter.

    FILE is its CSV, which has page views, or its JSON (zip), which has visits. Import only one.
    """
    found = find_site(client, site)
    if not zipfile.is_zipfile(file):
        _ask(goatcounter.CSV_LOST, yes)
        return _import(
            client,
            found,
            "goatcounter",
            lambda problems: csv_entries(file, site, problems),
            view_of_page_view,
        )
    _ask(goatcounter.JSON_LOST, yes)
    rows = partial(goatcounter_rows, file, found)
    return daily_answer(site, *_import_days(client, found, "goatcounter", rows))


@imports.command("plausible")
@click.argument("site", type=SiteName())
@click.argument("file", type=_EXPORT)
@_import_command
def import_plausible(client: redis.Redis, site: str, file: str, yes: bool) -> Answer:
    """Import an export of Plausible, a zip file."""
    found = find_site(client, site)
    _ask(plausible.LOST, yes)
    report, problems = DailyReport(), Counter[str]()
    for table in PLAUSIBLE_TABLES:
        done, left_out = _import_days(
            client, found, f"plausible:{table}", partial(plausible_rows, file, table)
        )
        report.added += done.added
        report.changed += done.changed
        report.repeated += done.repeated
        problems += left_out
    return daily_answer(site, report, problems)


def _import_days(
    client: redis.Redis, site: Site, source: str, rows: Callable[[Counter[str]], Iterable[Row]]
) -> tuple[DailyReport, Counter[str]]:
    """Import the rows that are returned, with what is left out in the counter that is given."""
    left_out: Counter[str] = Counter()

    def read() -> Iterable[Row]:
        left_out.clear()  # it is read twice
        return rows(left_out)

    return import_days(client, site, source, read), left_out


def _ask(lost: Iterable[str], yes: bool) -> None:
    """Say what cannot be recovered, and ask whether to go on."""
    click.echo(
        "\n".join(["What this import cannot recover:", *(f"- {each}" for each in lost)]), err=True
    )
    if not yes:
        click.confirm("Import?", abort=True, err=True)


@contextlib.contextmanager
def _spooled(files: Sequence[str]) -> Iterator[list[str]]:
    """Yield paths that can be read twice: standard input is stored until the context ends."""
    if "-" not in files:
        yield list(files)
        return
    with contextlib.ExitStack() as stack:
        try:
            spool = stack.enter_context(tempfile.NamedTemporaryFile())
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.flush()
        except OSError as error:
            raise click.ClickException(
                f"cannot store standard input: {error.strerror}; give a file, or set TMPDIR to a "
                "directory with room for it"
            ) from error
        yield [spool.name if path == "-" else path for path in files]


def _import(
    client: redis.Redis,
    site: Site,
    source: str,
    read: _Read[_Entry],
    view_of: Callable[[_Entry, str], View],
) -> Answer:
    """Import what read() yields; it is called twice."""
    problems: Counter[str] = Counter()
    expected = expect(read(problems))
    length = sum(content.views for content in expected.hours.values())
    with running_import(client, site, source, view_of, expected) as running:
        with progress_bar(read(Counter()), length) as entries:
            running.record(entries)
    return log_answer(site.name, running.report, problems)


def _follow(
    client: redis.Redis, site: Site, path: str, format_name: str, hosts: Sequence[str]
) -> Answer:
    """Import a log, and what is written to it until a signal ends that."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    problems: Counter[str] = Counter()
    with running_import(client, site, "log", view_of_request(site.name)) as running:
        lines = followed(path, stop, running.flush)
        running.record(log_entries([(lines, format_name)], site.name, hosts, problems))
    return log_answer(site.name, running.report, problems)
