"""Tests of the limit and of overlong lines."""

import pytest

from build_support.pipeline.line_length import limit_of, limits, overlong_lines

EDITORCONFIG = """\
root = true

[*]
max_line_length = 100

[*.py]
indent_size = 4

[{*.lock,LICENSE}]
max_line_length = off
"""


@pytest.mark.parametrize(
    ("path", "limit"),
    [("a.py", 100), ("a/b.yml", 100), ("a/b.lock", None), ("LICENSE", None), ("locks/a", 100)],
)
def test_should_take_the_limit_of_the_last_section_that_fits(path: str, limit: int | None) -> None:
    assert limit_of(path, limits(EDITORCONFIG)) == limit


def test_should_name_every_line_that_is_too_long() -> None:
    assert overlong_lines("a.py", f"{'é' * 10}\n{'x' * 11}\n", 10) == [
        "a.py:2: 11 characters, at most 10 are allowed"
    ]


@pytest.mark.parametrize(("path", "faults"), [("a.md", 0), ("a.py", 1)])
def test_should_allow_long_rows_of_tables_in_documents(path: str, faults: int) -> None:
    assert len(overlong_lines(path, f"| {'x' * 20} |\n", 10)) == faults
