"""Check the length of lines in all tracked files against .editorconfig.

    python3 -m build_support.pipeline.line_length

Skips table rows in Markdown, which cannot be broken.
"""

from __future__ import annotations

import configparser
import fnmatch
import re
import sys
from pathlib import Path

from build_support.pipeline.changes import git, split


def limits(editorconfig: str) -> list[tuple[list[str], int | None]]:
    """Return the patterns and the limit of each section that sets one; None means no limit.

    Supports the patterns that .editorconfig uses: [*], [NAME], [*.ending] and [{one,another}].
    """
    parser = configparser.ConfigParser()
    parser.read_string(f"[the preamble]\n{editorconfig}")
    found = []
    for section in parser.sections():
        if value := parser[section].get("max_line_length"):
            patterns = re.sub(r"^\{(.*)\}$", r"\1", section).split(",")
            found.append((patterns, None if value == "off" else int(value)))
    return found


def limit_of(path: str, sections: list[tuple[list[str], int | None]]) -> int | None:
    """Return the limit for a file in characters; the last matching section wins."""
    limit = None
    for patterns, value in sections:
        if any(fnmatch.fnmatch(path.rpartition("/")[2], pattern) for pattern in patterns):
            limit = value
    return limit


def overlong_lines(path: str, text: str, limit: int) -> list[str]:
    """Return a message for each line that is longer than the limit."""
    return [
        f"{path}:{number}: {len(line)} characters, at most {limit} are allowed"
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > limit and not (path.endswith(".md") and line.startswith("|"))
    ]


def main() -> int:
    """Print every line that is too long; return 1 if there are any, else 0."""
    sections = limits(Path(".editorconfig").read_text(encoding="utf-8"))
    faults = []
    for path in split(git("ls-files", "-z")):
        limit = limit_of(path, sections)
        if limit is not None and Path(path).is_file():
            faults += overlong_lines(path, Path(path).read_text(encoding="utf-8"), limit)
    print("\n".join(faults) or "all lines are short enough")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
