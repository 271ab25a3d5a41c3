"""What commands share: the connection to Redis, their answers, and the types of arguments."""

import functools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from libs.accounts.audit import COMMAND_LINE, record_change
from libs.page_views.migration import check_version
from libs.page_views.paths import InvalidPath, normalise_path
from libs.page_views.sites import InvalidSite, site_name
from services.admin.commands.server import connected

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_Item = TypeVar("_Item")


class Answer(NamedTuple):
    """What a command answers."""

    data: object
    """What is printed as JSON."""
    text: str
    """What is printed otherwise."""
    status: int = 0
    change: tuple[str, str] | None = None
    """The site, or "", and what was changed, as libs.accounts.audit.Change describes them."""


def redis_command(function: Callable[..., Answer | None]) -> Callable[..., int]:
    """Call function with a client of Redis, and print its answer. Adds --json and --data-dir.

    What it has changed is recorded first.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        help="Where the embedded Redis keeps its data (.cache/redis).",
    )
    @functools.wraps(function)
    def run(data_dir: Path | None, as_json: bool, **arguments: Any) -> int:
        with connected(data_dir) as client:
            check_version(client)
            answer = function(client, **arguments)
            if answer and answer.change:
                record_change(client, COMMAND_LINE, *answer.change)
        if answer is None:
            return 0
        click.echo(json.dumps(answer.data) if as_json else answer.text)
        return answer.status

    return run


class SiteName(click.ParamType[str]):
    """The name of a site, in its one form."""

    name = "site"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; fail if it is none."""
        try:
            return site_name(value)
        except InvalidSite as error:
            self.fail(str(error), param, ctx)


class PagePath(click.ParamType[str]):
    """The path of a page, in its one form."""

    name = "path"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path; fail if it is none."""
        if not value.startswith("/"):
            self.fail(f"a path begins with /: write /{value}, not {value}", param, ctx)
        try:
            return normalise_path(value)
        except InvalidPath as error:
            self.fail(str(error), param, ctx)


def columns(heading: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as lines with aligned columns."""
    lines = [heading, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )


def progress_bar(items: Iterable[_Item] | None, length: int) -> "ProgressBar[_Item]":
    """Return a bar on standard error; if that is no terminal, it shows nothing."""
    hidden = not (length and sys.stderr.isatty())
    return click.progressbar(
        items, length, file=sys.stderr, hidden=hidden, update_min_steps=max(1, length // 20)
    )
