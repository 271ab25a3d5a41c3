"""Tests of the feature flags that the stack starts with."""

import ast
import re
from pathlib import Path

import pytest
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from libs.feature_flags.flag_file import parse_flags

FILE = Path("compose/flags/flags.json")
FLAGS = parse_flags(FILE.read_bytes())

_EVALUATION = re.compile("get_(boolean|string|integer|float|object)_(?:value|details)")


def flags_in_code() -> set[tuple[str, str]]:
    """Return the flags that services evaluate, and the type of their values."""
    found = set()
    for file in Path("services").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if kind := _EVALUATION.fullmatch(node.func.attr):
                    key = node.args[0]
                    assert isinstance(key, ast.Constant), f"{file}: write the key of a flag here"
                    found.add((str(key.value), kind[1]))
    return found


def test_should_be_those_that_services_evaluate() -> None:
    types = {bool: "boolean", str: "string", int: "integer", float: "float"}
    in_file = {
        (key, types.get(type(flag.variants[flag.default]), "object")) for key, flag in FLAGS.items()
    }
    assert in_file == flags_in_code()


@pytest.mark.parametrize("key", FLAGS)
def test_should_be_explained_and_decided_for_every_site(key: str) -> None:
    chosen = {variant(key, f"site-{number}.example") for number in range(100)}
    assert chosen == {name for name, share in FLAGS[key].shares.items() if share}
    assert FLAGS[key].metadata["description"]


def variant(key: str, site: str) -> str | None:
    """Return the variant that flagd's evaluation chooses for a site."""
    core, context = FlagdCore(), EvaluationContext(site)
    core.set_flags(FILE.read_text(encoding="utf-8"))
    if "on" in FLAGS[key].variants:
        return core.resolve_boolean_value(key, False, context).variant
    return core.resolve_string_value(key, "", context).variant


def test_should_give_the_new_style_to_a_tenth_of_sites() -> None:
    assert FLAGS["badge-style"].shares == {"pill": 0.1, "flat": 0.9}
