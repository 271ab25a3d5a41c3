"""Show how the services do: what Prometheus has measured, and which alerts fire."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from services.dashboard.line_charts import line_chart, readable
from services.dashboard.measured import current, firing, groups
from services.dashboard.measurements import SPANS, Times, questions
from services.dashboard.numbers import NO_NUMBER
from services.dashboard.prometheus import NoAnswer, ask


@dataclass(frozen=True)
class Figure:
    """A number of now, and what it is of each service."""

    label: str
    number: str
    parts: tuple[tuple[str, str], ...] = ()


def operations_page(prometheus: str) -> Blueprint:
    """Return the page of operations, which asks Prometheus at this address."""
    blueprint = Blueprint("operations", __name__)

    @blueprint.get("/operations")
    def page() -> ResponseReturnValue:
        """Show the time that ?range= names; else the last hour."""
        name = request.args.get("range", "1h")
        if name not in SPANS:
            raise BadRequest(f"There is no range {name[:20]!r}, but {', '.join(SPANS)}.")
        now = datetime.now(timezone.utc)
        ranges = [(each, span.name, f"?range={each}", each == name) for each, span in SPANS.items()]
        try:
            shown = _shown(prometheus, Times(SPANS[name], now))
        except NoAnswer as problem:  # answered 200, or each look would use up the error budget
            shown = {"problem": problem}
        return render_template("operations.html", ranges=ranges, now=now, **shown)

    return blueprint


def _shown(prometheus: str, times: Times) -> dict[str, object]:
    """Return what the page shows. Raises NoAnswer."""
    drawn, now, alerts = ask(prometheus, questions(times))
    try:
        names = times.names()
        return {
            "span": times.span,
            "figures": _figures(current(now)),
            "alerts": firing(alerts),
            "charts": [
                line_chart(
                    f"{group.panel.title}: {group.job}" if group.job else group.panel.title,
                    group.panel.unit,
                    names,
                    group.series,
                )
                for group in groups(drawn, times)
            ],
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NoAnswer("Prometheus has given an answer of another kind.") from error


def _figures(now: Mapping[str, Mapping[str, float]]) -> list[Figure]:
    """Return the numbers of now."""
    rates, seconds, ready = now["requests"], now["p99"], now["ready"]
    # All requests go through the gateway, if there is one.
    rate = rates.get("gateway", sum(rates.values()) if rates else None)
    waiting = now["queue"].get("")
    return [
        Figure(
            "Error budget left",
            _percent(min(now["budget"].values(), default=None)),
            _parts(now["budget"], _percent),
        ),
        Figure("Requests per second", readable(rate), _parts(rates, readable)),
        Figure(
            "99 of 100 answered within",
            readable(seconds.get("web"), "s"),
            _parts(seconds, lambda value: readable(value, "s")),
        ),
        Figure("Views that wait", readable(waiting)),
        Figure(
            "Ready replicas",
            readable(sum(ready.values()) if ready else None),
            _parts(ready, readable),
        ),
    ]


def _parts(
    values: Mapping[str, float], written: Callable[[float | None], str]
) -> tuple[tuple[str, str], ...]:
    return tuple((name, written(value)) for name, value in sorted(values.items(), reverse=True))


def _percent(part: float | None) -> str:
    """Return a part of 1 in per cent, rounded down, since what is nearly used up is not left."""
    if part is None:
        return NO_NUMBER
    if part < -1:
        return "< −100\N{NO-BREAK SPACE}%"
    return f"{math.floor(1000 * part) / 10:g}\N{NO-BREAK SPACE}%".replace("-", "−")
