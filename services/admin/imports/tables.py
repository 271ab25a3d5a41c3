"""Read the tables in an export, one row at a time, whatever their size.

Limits on lines and tables keep memory flat and end the reading of a zip bomb. A field may have line
breaks; its limit is that of the module csv, 128 Ki characters.
"""

import contextlib
import csv
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import IO, Any, TypeVar

from services.admin.imports.errors import ImportFormatError

MAX_LINE_BYTES = 64 * 1024
MAX_TABLE_BYTES = 16 * 1024**3
"""Uncompressed."""
MAX_FILES = 1000
"""In one zip file."""

_Row = TypeVar("_Row")

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NUMBER = re.compile("[0-9]{1,15}")


def read_lines(file: IO[bytes], name: str) -> Iterator[str]:
    """Yield the lines of a table in UTF-8, with their line breaks.

    Raises ImportFormatError if one is not UTF-8, if it or the table is too long, or if the file is
    damaged or incomplete.
    """
    number = size = 0
    try:
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            size += len(line)
            if len(line) > MAX_LINE_BYTES:
                raise ImportFormatError(name, number, f"longer than {MAX_LINE_BYTES} bytes")
            if size > MAX_TABLE_BYTES:
                raise ImportFormatError(name, number, f"over {MAX_TABLE_BYTES} bytes in this table")
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise ImportFormatError(name, number, "not UTF-8") from None
    except (EOFError, zlib.error, OSError, zipfile.BadZipFile) as error:
        raise ImportFormatError(name, number + 1, f"damaged or incomplete: {error}") from error


def read_rows(
    lines: Iterable[str],
    name: str,
    columns: Sequence[str],
    convert: Callable[[tuple[str, ...]], _Row],
) -> Iterator[_Row]:
    """Yield what convert() makes of these columns, two or more, of every row after the header.

    Raises ImportFormatError if a column is missing, if a row has more or fewer fields than the
    header or is no valid CSV, or with the reason of a ValueError that convert() raises.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        if missing := [column for column in columns if column not in header]:
            raise ImportFormatError(name, 1, f"no column {', '.join(missing)}")
        select = itemgetter(*map(header.index, columns))
        for row in reader:
            if len(row) == len(header):
                yield convert(select(row))
            elif row:  # not a blank line
                raise ValueError(f"{len(row)} fields, but the header has {len(header)}")
    except ImportFormatError:
        raise
    except (csv.Error, ValueError) as error:
        raise ImportFormatError(name, reader.line_num, str(error)) from error


def read_objects(
    lines: Iterable[str], name: str, types: Mapping[str, type], convert: Callable[..., _Row]
) -> Iterator[_Row]:
    """Yield what convert() makes of the values under these keys of the JSON object in every line.

    Raises ImportFormatError if a line has no object with values of these types, or with the reason
    of a ValueError that convert() raises.
    """
    for number, line in enumerate(lines, 1):
        try:
            yield convert(*_values(line, types))
        except ValueError as error:
            raise ImportFormatError(name, number, str(error)) from error


def _values(text: str, types: Mapping[str, type]) -> list[Any]:
    try:
        row = json.loads(text)
        values = [row[key] for key in types]
        if all(map(isinstance, values, types.values())):
            return values
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    expected = ", ".join(f"{key} ({kind.__name__})" for key, kind in types.items())
    raise ValueError(f"expected an object with {expected}")


def read_number(text: str) -> int:
    """Return a whole number from 0. Raises ValueError if text is none."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, not {text[:40]!r}")
    return int(text)


class Archive:
    """The tables in a zip file, found by their names in whatever directory they are."""

    def __init__(self, path: str, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive

    def members(self, pattern: str) -> list[str]:
        """Return the sorted members of which the file name matches, such as "imported_pages*.csv".

        Raises ImportFormatError if there is none.
        """
        members = sorted(self._archive.namelist())
        if found := [name for name in members if fnmatchcase(name.rpartition("/")[2], pattern)]:
            return found
        raise ImportFormatError(self.path, 0, f"contains no file {pattern}")

    def lines(self, member: str) -> Iterator[str]:
        """Yield the lines of a member as read_lines() does, which also tells what is raised."""
        label = self.label(member)
        if self._archive.getinfo(member).compress_type not in _COMPRESSIONS:
            raise ImportFormatError(label, 0, "compressed by a method other than deflate")
        try:
            with self._archive.open(member) as file:
                yield from read_lines(file, label)
        except (OSError, RuntimeError, zipfile.BadZipFile) as error:  # such as a password
            raise ImportFormatError(label, 0, str(error)) from error

    def label(self, member: str) -> str:
        """Return how errors name a member."""
        return f"{self.path}/{member}"


@contextlib.contextmanager
def open_archive(path: str) -> Iterator[Archive]:
    """Open a zip file until the context ends.

    Raises ImportFormatError if it is none or has over MAX_FILES, OSError if it cannot be read.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise ImportFormatError(path, 0, f"not a zip file: {error}") from error
    with archive:
        if len(archive.infolist()) > MAX_FILES:
            raise ImportFormatError(path, 0, f"contains more than {MAX_FILES} files")
        yield Archive(path, archive)
