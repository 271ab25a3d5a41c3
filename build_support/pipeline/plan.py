"""The plan: what has to be checked for a change. All parts of the pipeline share it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any


class PlanError(ValueError):
    """A text is no plan; the message says what is wrong with it."""


@dataclass(frozen=True)
class Plan:  # pylint: disable=too-many-instance-attributes  # one for each thing to check
    """What has to be checked, and why.

    The lists hold addresses of Pants targets. Where everything has to be checked they hold all of
    them, so no list is ever empty for want of knowledge.
    """

    everything: bool = False
    """Whether nobody can tell what the change leaves alone."""

    moved_files: bool = False
    """Whether files came or went, or a BUILD file changed: a file may belong to no target now."""

    reasons: list[str] = field(default_factory=list)
    """Why, a sentence each, for people only: nothing depends on their words."""

    lint: list[str] = field(default_factory=list)
    """What is affected and can be linted: code, scripts and images."""

    check: list[str] = field(default_factory=list)
    """What is affected and has types."""

    test: list[str] = field(default_factory=list)
    """The tests that are affected, but for those of a deployment."""

    package: list[str] = field(default_factory=list)
    """The images that are affected."""

    deployment: list[str] = field(default_factory=list)
    """The tests that are affected and need the containers."""

    stack: list[str] = field(default_factory=list)
    """The images that the stack is made of, affected or not, if the end-to-end tests will run."""

    e2e: bool = False
    """Whether the end-to-end tests have to run: an image, the stack or these tests are affected."""

    workflows: bool = False
    """Whether the files in .github/ have to be checked."""

    documents: bool = False
    """Whether what documents promise has to be checked: any file may be one that they name."""

    def to_json(self) -> str:
        """Return the plan as one JSON object on one line, with the names of the fields."""
        return json.dumps(dataclasses.asdict(self))


SCHEMA: dict[str, type] = {
    each.name: bool if each.type == "bool" else list for each in dataclasses.fields(Plan)
}
"""The type of every field in JSON; lists are of strings. All are required, no others allowed."""


def plan_from_json(text: str) -> Plan:
    """Return the plan that to_json has written. Raises PlanError."""
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise PlanError(f"the plan is not JSON: {error}") from error
    if not isinstance(value, dict) or value.keys() != SCHEMA.keys():
        raise PlanError(f"the plan is not an object of {', '.join(SCHEMA)}")
    for name, kind in SCHEMA.items():
        strings = kind is bool or all(isinstance(item, str) for item in value[name])
        if not isinstance(value[name], kind) or not strings:
            raise PlanError(f"{name} of the plan is not a {kind.__name__} (of strings)")
    return Plan(**value)
