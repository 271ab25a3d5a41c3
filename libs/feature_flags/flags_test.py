"""Tests of flags in a file, as a service uses them."""

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature.client import OpenFeatureClient
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from libs.feature_flags import file_provider
from libs.feature_flags.flag_file import InvalidFlags, parse_flags
from libs.feature_flags.flags import flags_from_environment

SITE = EvaluationContext("example.org")


def flag(*parts: Any, default: str = "off", **more: Any) -> dict[str, Any]:
    """Return a file with one flag; parts are variants with weights."""
    definition = {
        "state": "ENABLED",
        "variants": {"new": "new", "old": "old", "off": "off"},
        "defaultVariant": default,
        "targeting": {"fractional": list(parts)} if parts else {},
    }
    return {"flags": {"style": {**definition, **more}}}


@pytest.fixture(name="file")
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "flags.json"
    monkeypatch.setenv("FLAGS_FILE", str(file))
    monkeypatch.setattr(file_provider, "CHECK_SECONDS", 0)
    return file


def style(flags: OpenFeatureClient) -> str:
    """Return what the flag "style" decides, "code" by default."""
    return flags.get_string_value("style", "code", SITE)


def test_should_decide_by_the_file_and_follow_its_changes(file: Path) -> None:
    flags = flags_from_environment()
    assert style(flags) == "code"
    for variant in ("new", "old"):
        file.write_text(json.dumps(flag(default=variant)))
        assert style(flags) == variant
    assert flags.get_string_value("another", "code", SITE) == "code"
    assert flags.get_boolean_value("style", True, SITE)  # the file has another type
    file.write_text(json.dumps(flag(state="DISABLED")))
    assert style(flags) == "code"


@pytest.mark.parametrize(
    ("definition", "values"),
    [({"on": True, "off": False}, bool), ({"a": 1}, int), ({"a": 1.5}, float), ({"a": {}}, dict)],
)
def test_should_decide_between_values_of_each_type(
    file: Path, definition: dict[str, Any], values: type
) -> None:
    default, expected = next(iter(definition.items()))
    file.write_text(json.dumps(flag(variants=definition, default=default)))
    flags = flags_from_environment()
    if values is bool:
        assert flags.get_boolean_value("style", False, SITE) is expected
    elif values is int:
        assert flags.get_integer_value("style", 7, SITE) == expected
    elif values is float:
        assert flags.get_float_value("style", 7.0, SITE) == expected
    else:
        assert flags.get_object_value("style", {"b": 1}, SITE) == expected


def test_should_use_the_defaults_of_the_code_without_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FLAGS_FILE", raising=False)
    assert style(flags_from_environment()) == "code"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not flagd's JSON format"),
        ('{"flags": {"sty', "not flagd's JSON format"),
        ("[" * 100_000, "not flagd's JSON format"),
        ("[]", "not flagd's JSON format"),
        ('{"flags": []}', "not flagd's JSON format"),
        ('{"flags": {"style": {}}}', "not flagd's JSON format"),
        ("\ufffe", "not flagd's JSON format"),
        (flag(state="on"), "the state of style is 'on'; write ENABLED or DISABLED"),
        (flag(variants={}), "the variants of style must have values of one type"),
        (flag(variants={"off": "off", "new": 1}), "the variants of style must have values of one"),
        (flag(default="none"), "style has no variant 'none'; it is the defaultVariant"),
        (flag(["newer", 10]), "style is divided by ['newer', 10]; write a variant and its weight"),
        (flag(["new", -1]), "style is divided by ['new', -1]"),
        (flag(["new", True]), "style is divided by ['new', True]"),
        (flag(["new", "10"]), "style is divided by ['new', '10']"),
        (flag(["new"]), "style is divided by ['new']"),
        (flag({"var": "targetingKey"}, ["new", 1]), "style is divided by {'var': 'targetingKey'}"),
        (flag(["new", 0]), "the weights of style add up to 0"),
        (flag(["new", 2**31]), "the weights of style add up to 2147483648"),
        (flag(targets={}), "style has 'targets'; flagd knows ['defaultVariant', "),
        # What flagd itself refuses.
        ({**flag(), "metadata": {"a": []}}, "Metadata value"),
        ({**flag(targeting={"$ref": "a"}), "$evaluators": {"a": "\\d"}}, "escape"),
    ],
)
def test_should_keep_the_last_good_file_and_say_so_once(
    file: Path, caplog: pytest.LogCaptureFixture, content: str | dict[str, Any], reason: str
) -> None:
    # Given
    flags = flags_from_environment()
    file.write_text(json.dumps(flag(default="new")))
    assert style(flags) == "new"

    # When
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    assert [style(flags) for _ in range(3)] == ["new"] * 3
    os.utime(file)
    assert style(flags) == "new"

    # Then
    (logged,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"in {file} stay as they were last read" in logged.getMessage()
    assert reason in logged.getMessage()
    file.write_text(json.dumps(flag(default="old")))
    assert style(flags) == "old"


def test_should_say_that_the_file_is_empty(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.touch()
    assert style(flags_from_environment()) == "code"
    assert "not flagd's JSON format" in caplog.text


@pytest.mark.parametrize("missing_first", [False, True])
def test_should_say_once_that_the_file_is_missing(
    file: Path, caplog: pytest.LogCaptureFixture, missing_first: bool
) -> None:
    flags = flags_from_environment()
    if not missing_first:
        file.write_text(json.dumps(flag(default="new")))
        style(flags)
        file.unlink()
    assert [style(flags) for _ in range(3)] == ["code" if missing_first else "new"] * 3
    (logged,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "it cannot be read: No such file or directory" in logged.getMessage()


def test_should_look_at_the_file_at_most_once_a_second(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_provider, "CHECK_SECONDS", 1.0)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    flags = flags_from_environment()
    file.write_text(json.dumps(flag(default="new")))
    assert style(flags) == "new"
    file.write_text(json.dumps(flag(default="old")))
    assert style(flags) == "new"
    now += 1
    assert style(flags) == "old"


def test_should_decide_in_a_process_that_forked(file: Path) -> None:
    file.write_text(json.dumps(flag(default="new")))
    flags = flags_from_environment()
    assert style(flags) == "new"
    child = os.fork()
    if not child:
        file.write_text(json.dumps(flag(default="old")))
        os._exit(0 if style(flags) == "old" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert style(flags) == "old"


@given(
    sites=st.sets(st.from_regex(r"[a-z]{1,12}\.example", fullmatch=True), min_size=1),
    weights=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_should_keep_the_sites_of_a_share_that_grows(
    sites: set[str], weights: tuple[int, int]
) -> None:
    fewer, more = (selected(sites, weight) for weight in sorted(weights))
    assert fewer <= more


def test_should_select_about_the_share_that_the_file_says() -> None:
    sites = {f"site-{number}.example" for number in range(10_000)}
    ten, quarter = selected(sites, 10), selected(sites, 25)
    assert ten < quarter
    assert len(ten) == pytest.approx(1_000, abs=120)  # 4 standard deviations
    assert len(quarter) == pytest.approx(2_500, abs=175)


def selected(sites: set[str], percent: int) -> set[str]:
    """Return the sites that have the new style, if percent of them should."""
    rest = 100 - percent
    core = FlagdCore()
    core.set_flags(
        json.dumps(flag(["new", percent], ["old", rest // 2], ["off", rest - rest // 2]))
    )
    return {
        site
        for site in sites
        if core.resolve_string_value("style", "", EvaluationContext(site)).value == "new"
    }


@pytest.mark.parametrize(
    ("content", "shares"),
    [
        (flag(), {"new": 0, "old": 0, "off": 1}),
        (flag(["new", 1], ["old", 3]), {"new": 0.25, "old": 0.75, "off": 0}),
        (flag(["new", 1], ["old", 2], ["new", 1]), {"new": 0.5, "old": 0.5, "off": 0}),
        (flag(targeting={"if": [{"==": [{"var": "targetingKey"}, "a.b"]}, "new"]}), {}),
    ],
)
def test_should_know_the_shares_of_variants(
    content: dict[str, Any], shares: dict[str, float]
) -> None:
    assert parse_flags(json.dumps(content).encode())["style"].shares == shares


def test_should_read_a_file_in_another_encoding() -> None:
    assert parse_flags(json.dumps(flag()).encode("utf-16"))
    with pytest.raises(InvalidFlags, match="JSON"):
        parse_flags(b"\xff")
