"""Define the plan, which says what to check for a change and is shared by the pipeline."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any


class PlanError(ValueError):
    """Not a plan; the message says what is wrong."""


@dataclass(frozen=True)
class Plan:  # pylint: disable=too-many-instance-attributes  # one per check
    """What has to be checked, and why.

    The lists hold addresses of Pants targets. If everything has to be checked, they hold all
    addresses, so an empty list always means that nothing is affected.
    """

    everything: bool = False
    """Whether everything has to be checked, because the effect of the change is unknown."""

    moved_files: bool = False
    """Whether files were added or deleted, or a BUILD file changed; a file may lack a target."""

    reasons: list[str] = field(default_factory=list)
    """The reasons, one sentence each, for people only."""

    lint: list[str] = field(default_factory=list)
    """The affected targets to lint: code, scripts and images."""

    check: list[str] = field(default_factory=list)
    """The affected targets to type-check."""

    test: list[str] = field(default_factory=list)
    """The affected tests, except those of a deployment."""

    package: list[str] = field(default_factory=list)
    """The affected images."""

    deployment: list[str] = field(default_factory=list)
    """The affected tests that need the containers."""

    stack: list[str] = field(default_factory=list)
    """All images of the stack, affected or not, if the end-to-end tests have to run."""

    e2e: bool = False
    """Whether to run the end-to-end tests: an image, the stack or these tests are affected."""

    workflows: bool = False
    """Whether to check the files in .github/."""

    documents: bool = False
    """Whether to check documents, which may name any changed file."""

    def to_json(self) -> str:
        """Return the plan as a JSON object on one line; its keys are the names of the fields."""
        return json.dumps(dataclasses.asdict(self))


SCHEMA: dict[str, type] = {
    each.name: bool if each.type == "bool" else list for each in dataclasses.fields(Plan)
}
"""The JSON type of every field; lists hold strings. Exactly these fields are allowed."""


def plan_from_json(text: str) -> Plan:
    """Return the plan from the output of to_json. Raises PlanError."""
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
