"""Tests of writing and reading plans as JSON."""

import json

import pytest

from build_support.pipeline.plan import SCHEMA, Plan, PlanError, plan_from_json

PLAN = Plan(reasons=["a.py changed"], test=["a_test.py:tests"], e2e=True)


def test_should_read_what_it_has_written() -> None:
    assert plan_from_json(PLAN.to_json()) == PLAN


def test_should_write_every_field_on_one_line() -> None:
    text = PLAN.to_json()
    assert json.loads(text).keys() == SCHEMA.keys() >= {"everything", "moved_files", "reasons"}
    assert "\n" not in text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"e2e": "yes"}, "e2e of the plan is not a bool"),
        ({"lint": "a.py"}, "lint of the plan is not a list"),
        ({"test": [1]}, "test of the plan is not a list"),
        ({"unknown": True}, "not an object of everything, moved_files"),
    ],
)
def test_should_refuse_what_is_no_plan(change: dict[str, object], problem: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_from_json(json.dumps(json.loads(PLAN.to_json()) | change))
    assert problem in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"everything": true}', "everything"])
def test_should_refuse_other_texts(text: str) -> None:
    with pytest.raises(PlanError):
        plan_from_json(text)
