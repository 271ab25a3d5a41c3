"""Show the feature flags, how sites are divided between their variants, and what comes of it."""

from dataclasses import dataclass

import redis
from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from libs.feature_flags.experiments import Difference, Proportion, difference, experiment_path
from libs.feature_flags.flag_file import Flag, InvalidFlags, parse_flags, path_from_environment
from libs.page_views.reading import Count, totals
from libs.page_views.registry import Site, UnknownSite, find_site


@dataclass(frozen=True)
class Outcome:
    """What came of a variant, of all time; and compared with the default one, if that is known."""

    variant: str
    seen: Count
    reached: Proportion | None
    """How many visitors reached the goal; None if there were none."""
    difference: Difference | None = None


def flags_page(client: redis.Redis) -> Blueprint:
    """Return the page of feature flags; client reads sites."""
    blueprint = Blueprint("flags", __name__)

    @blueprint.get("/flags")
    def page() -> ResponseReturnValue:
        """Show what the file of flags says now."""
        path = path_from_environment()
        flags: dict[str, Flag] = {}
        problem = ""
        try:
            flags = parse_flags(path.read_bytes()) if path else {}
        except InvalidFlags as error:
            problem = str(error)
        except OSError as error:
            problem = f"it cannot be read: {error.strerror}"
        outcomes = {key: _outcomes(client, flag) for key, flag in flags.items()}
        return render_template(
            "flags.html", path=path, problem=problem, flags=flags, outcomes=outcomes
        )

    return blueprint


def _outcomes(client: redis.Redis, flag: Flag) -> list[Outcome]:
    """Return the outcome of each variant; none if the flag is no experiment of a known site."""
    try:
        site = find_site(client, flag.metadata.get("site", ""))
    except UnknownSite:
        return []
    found = {variant: _outcome(client, site, flag.key, variant) for variant in flag.variants}
    default = found[flag.default].reached
    return [
        Outcome(
            variant,
            outcome.seen,
            outcome.reached,
            (
                difference(outcome.reached, default)
                if outcome.reached and default and variant != flag.default
                else None
            ),
        )
        for variant, outcome in found.items()
    ]


def _outcome(client: redis.Redis, site: Site, key: str, variant: str) -> Outcome:
    seen = totals(client, site, experiment_path(key, variant))
    goal = totals(client, site, experiment_path(key, variant, goal=True))
    # Whoever came to the goal by another way has not seen the variant.
    reached = min(goal.visitors, seen.visitors)
    return Outcome(variant, seen, Proportion(reached, seen.visitors) if seen.visitors else None)
