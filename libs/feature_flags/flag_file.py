"""Read a file of feature flags, in flagd's JSON format, and check it.

https://flagd.dev/reference/flag-definitions/ describes the format. This checks what the evaluation
of a flag relies on, so that a mistake is found when the file is read and not when a page is asked
for. Needs no packages.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "FLAGS_FILE"


_PROPERTIES = {"state", "variants", "defaultVariant", "targeting", "metadata"}


class InvalidFlags(ValueError):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True)
class Flag:
    """What a file says about a flag."""

    key: str
    enabled: bool
    """Whether the file decides. If not, the default in the code applies."""
    variants: Mapping[str, Any]
    """The value of each variant."""
    default: str
    """The variant that applies if there is no rule, or the rule names none."""
    shares: Mapping[str, float]
    """The share of sites that has each variant, from 0 to 1; empty if another rule decides."""
    metadata: Mapping[str, str]
    """Of these, "description" says what the flag is for, and "site" where an experiment counts."""


def path_from_environment() -> Path | None:
    """Return the file that FLAGS_FILE names, None if it is not set."""
    return Path(name) if (name := os.environ.get(VARIABLE)) else None


def parse_flags(content: bytes) -> dict[str, Flag]:
    """Return the flags of a file by their keys. Raises InvalidFlags."""
    try:
        flags = json.loads(content)["flags"]
        return {key: _flag(key, definition) for key, definition in flags.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, InvalidFlags):
            raise
        raise InvalidFlags(f"not flagd's JSON format: {error!r}") from error


def _flag(key: str, definition: Mapping[str, Any]) -> Flag:
    """Return a flag. Raises InvalidFlags, and what comes of a value of another type."""
    state, variants = definition["state"], definition["variants"]
    default, rule = definition["defaultVariant"], definition.get("targeting") or {}
    if unknown := set(definition) - _PROPERTIES:
        raise InvalidFlags(f"{key} has {min(unknown)!r}; flagd knows {sorted(_PROPERTIES)}")
    if state not in ("ENABLED", "DISABLED"):
        raise InvalidFlags(f"the state of {key} is {state!r}; write ENABLED or DISABLED")
    if len(set(map(type, variants.values()))) != 1:
        raise InvalidFlags(f"the variants of {key} must have values of one type, at least one")
    if default not in variants:
        raise InvalidFlags(f"{key} has no variant {default!r}; it is the defaultVariant")
    if list(rule) == ["fractional"]:
        shares = _shares(key, rule["fractional"], list(variants))
    else:
        shares = {} if rule else {name: float(name == default) for name in variants}
    metadata = {name: str(value) for name, value in definition.get("metadata", {}).items()}
    return Flag(key, state == "ENABLED", dict(variants), default, shares, metadata)


def _shares(key: str, rule: list[Any], variants: list[str]) -> dict[str, float]:
    weights = dict.fromkeys(variants, 0)
    for part in rule:
        variant, weight = part if isinstance(part, list) and len(part) == 2 else (None, 0)
        whole = isinstance(weight, int) and not isinstance(weight, bool)
        if variant not in weights or not whole or weight < 0:
            raise InvalidFlags(
                f"{key} is divided by {part!r}; write a variant and its weight, such as "
                f"{json.dumps([variants[0], 10])}"
            )
        weights[variant] += weight
    total = sum(weights.values())
    if not 0 < total < 2**31:
        raise InvalidFlags(f"the weights of {key} add up to {total}; 1 to 2147483647 are possible")
    return {variant: weight / total for variant, weight in weights.items()}
