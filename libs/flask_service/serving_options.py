"""Read the command line of the programs that serve on this machine."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from libs.redis_access.embedded import DEFAULT_DATA_DIR

LAST_PORT = 65535


@dataclass(frozen=True)
class Options:
    """Where to serve, and how."""

    host: str
    port: int
    """That of the first service; 0 for any free ones."""
    data_dir: Path | None
    """Where the embedded Redis keeps its data, if the command line says so."""
    debug: bool


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports errors in one line, like the rest of this program."""

    def error(self, message: str) -> NoReturn:
        """Print the message without the usage; exit with status 2."""
        self.exit(2, f"{self.prog}: {message[:200]}\n")


def parse(port: int, titles: Sequence[str], arguments: Sequence[str] | None) -> Options:
    """Return the options for services with these titles, the first of them on port by default.

    Without arguments, reads those of the command line. Exits if they are invalid.
    """
    parser = _Parser(
        prog="serve",
        description=f"Serve {' and '.join(titles)}, on a Redis of its own unless REDIS_URL names "
        "one.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    others = " of the first; the others follow" if len(titles) > 1 else ""
    parser.add_argument(
        "--port",
        type=_port,
        default=port,
        metavar="PORT",
        help=f"port{others or ' to listen on'}, 0 for any free one (%(default)s)",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help=f"where the embedded Redis keeps its data ({DEFAULT_DATA_DIR})",
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        help="use Flask's development server, which reloads code when it is edited",
    )
    return Options(**vars(parser.parse_args(arguments)))


def _port(text: str) -> int:
    if text.isdecimal() and len(text) <= 5 and int(text) <= LAST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 0 to {LAST_PORT}")
