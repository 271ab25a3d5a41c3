"""Tests of the stages of a plan and their order."""

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from build_support.pipeline.plan import Plan
from build_support.pipeline.stages import Stage, main, run_stages, stages_of

CODE = Plan(lint=["a.py"], check=["a.py"], test=["a_test.py:tests"])
BROWSER = Plan(test=["a_browser_test.py:browser"])
IMAGE = Plan(package=["services/a:a"], stack=["services/a:a", "services/b:b"], e2e=True)


def names(plan: Plan) -> list[str]:
    """Return the names of the stages for the plan."""
    return [stage.name for stage in stages_of(plan)]


def commands(plan: Plan, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands of one stage."""
    return next(stage.commands for stage in stages_of(plan) if stage.name == name)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(), []),
        (Plan(documents=True), ["documents"]),
        (CODE, ["code"]),
        (BROWSER, ["browser", "code"]),
        (IMAGE, ["engine", "images", "end to end"]),
        (Plan(moved_files=True), ["code"]),
        (
            Plan(everything=True, e2e=True, workflows=True, documents=True),
            ["documents", "workflows", "engine", "images", "browser", "code", "end to end"],
        ),
    ],
)
def test_should_run_what_the_plan_asks_for(plan: Plan, expected: list[str]) -> None:
    assert names(plan) == expected


def test_should_lint_check_and_test_in_one_start_of_pants() -> None:
    (command,) = commands(CODE, "code")
    assert command[-5:] == ("lint", "check", "test", "a.py", "a_test.py:tests")


def test_should_check_build_files_when_files_have_moved() -> None:
    (command,) = commands(Plan(moved_files=True), "code")
    assert command == ("./pants", "tailor", "--check", "update-build-files", "--check", "::")


def test_should_run_the_documented_test_command_if_everything_has_to_be_checked() -> None:
    assert commands(Plan(everything=True), "code")[-1] == ("./pants", "test", "::")


def test_should_make_all_images_that_the_stack_needs() -> None:
    some = commands(IMAGE, "images")
    every = commands(Plan(everything=True, e2e=True), "images")
    assert some == (("./pants", "package", "services/a:a", "services/b:b"),)
    assert every == (("./pants", "--filter-target-type=docker_image", "package", "::"),)


def test_should_use_pants_in_one_stage_at_a_time() -> None:
    plan = Plan(everything=True, e2e=True, workflows=True, documents=True)
    using = [s for s in stages_of(plan) if any("./pants" in command for command in s.commands)]
    for earlier, later in zip(using, using[1:]):
        assert earlier.name in later.after


def test_should_install_a_browser_before_its_tests_and_nothing_else_meanwhile() -> None:
    alone, *_, code = stages_of(BROWSER)
    both = stages_of(dataclasses.replace(IMAGE, test=BROWSER.test))
    after = {stage.name: stage.after for stage in both}
    assert (alone.name, alone.after) == ("browser", ())
    assert "browser" in code.after
    assert after["browser"] == ("engine",)
    assert set(after["code"]) == {"images", "browser"}


def say(text: str, then: str = "") -> tuple[str, ...]:
    """Return a command that prints a text and then runs the code in then."""
    return (sys.executable, "-c", f"import sys, os, signal\nprint({text!r}, flush=True)\n{then}")


def test_should_show_each_output_in_one_piece(capfd: pytest.CaptureFixture[str]) -> None:
    results = run_stages(
        [Stage("one", (say("a"), say("b"))), Stage("two", (say("c"),), after=("one",))]
    )
    assert [(result.name, result.green) for result in results] == [("one", True), ("two", True)]
    assert "\na\nb\n\n=== one: green in " in capfd.readouterr().out


def test_should_run_stages_at_the_same_time(tmp_path: Path) -> None:
    # Given
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    # When
    results = run_stages(
        [
            Stage("reader", (say("r", f"assert open({str(pipe)!r}).read() == 'x'"),)),
            Stage("writer", (say("w", f"open({str(pipe)!r}, 'w').write('x')"),)),
        ]
    )

    # Then
    assert all(result.green for result in results)
    assert len(results) == 2


def test_should_stop_all_at_the_first_red_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given
    cleaned_up, pipe = tmp_path / "cleaned up", tmp_path / "pipe"
    os.mkfifo(pipe)
    wait = f"trap 'touch \"{cleaned_up}\"' EXIT; echo >{pipe}; sleep 60"

    # When
    results = run_stages(
        [
            Stage("waits", (("bash", "-c", wait),)),
            Stage("red", (("bash", "-c", f"read -r <{pipe}; false"), say("never"))),
            Stage("later", (say("never"),), after=("red",)),
        ]
    )

    # Then
    output = capfd.readouterr().out
    assert [(result.name, result.green) for result in results] == [("red", False)]
    assert "=== red: RED after" in output
    assert "=== waits: stopped" in output
    assert "never" not in output
    assert cleaned_up.exists()


def test_should_refuse_a_stage_that_the_plan_does_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.json").write_text(CODE.to_json(), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["stages", str(tmp_path / "plan.json"), "cod"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.endswith("error: the plan has no stage named cod\n")
