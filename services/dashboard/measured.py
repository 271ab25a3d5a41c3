"""What the page of operations makes of the answers of Prometheus.

All functions raise KeyError, TypeError or ValueError if data is not what Prometheus answers to
services.dashboard.measurements.questions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.dashboard.measurements import NOW, PANELS, Panel, Times

JOBS = ("gateway", "web", "dashboard")
"""The order of services: first what people reach."""

MOST_ALERTS = 50
"""How many alerts are listed."""

MOST_LINES = 6
"""How many series are drawn together; those with the lowest values are added up as OTHERS."""

OTHERS = "others"

_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Series:
    """Values over time."""

    name: str
    values: tuple[float | None, ...]
    """One for each of the times of the page; None where there is none."""


@dataclass(frozen=True)
class Group:
    """Series that are drawn together."""

    panel: Panel
    job: str
    """The service, or "" if it is about all."""
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Alert:
    """An alert that fires."""

    name: str
    severity: str
    summary: str
    runbook: str
    about: str
    """The labels that tell it from others of the same name."""
    since: str
    """Such as 2026-11-28 17:45:01, in UTC."""


def groups(data: Mapping[str, Any], times: Times) -> list[Group]:
    """Return what to draw, in the order of PANELS."""
    found: dict[str, dict[str, list[Series]]] = {key: {} for key in PANELS}
    for result in data["result"]:
        labels = _labels(result["metric"])
        key = labels.pop("panel")
        job = labels.pop("job", "") if PANELS[key].by_job else ""
        series = Series(" ".join(labels.values()), times.place(result["values"]))
        found[key].setdefault(job, []).append(series)
    return [
        Group(panel, job, _most(series))
        for key, panel in PANELS.items()
        for job, series in sorted(found[key].items(), key=_place) or [("", [])]
    ]


def current(data: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return what is now: for each key of NOW, a value for each service, or for ""."""
    values: dict[str, dict[str, float]] = {key: {} for key in NOW}
    for result in data["result"]:
        labels = _labels(result["metric"])
        panel = labels.pop("panel")
        if math.isfinite(value := float(result["value"][1])):
            values[panel][" ".join(labels.values())] = value
    return values


def firing(data: Mapping[str, Any]) -> list[Alert]:
    """Return the alerts that fire, those that wake somebody first."""
    alerts = [_alert(each) for each in data["alerts"] if each["state"] == "firing"]
    return sorted(alerts, key=lambda alert: (alert.severity != "page", alert.since))[:MOST_ALERTS]


def _place(item: tuple[str, object]) -> tuple[int, str]:
    job = item[0]
    return (JOBS.index(job) if job in JOBS else len(JOBS), job)


def _alert(found: Mapping[str, Any]) -> Alert:
    labels, notes = _labels(found["labels"]), _labels(found["annotations"])
    return Alert(
        labels.pop("alertname"),
        labels.pop("severity", ""),
        notes.get("summary", ""),
        notes.get("runbook", ""),
        ", ".join(labels.values()),
        str(found["activeAt"])[:19].replace("T", " "),
    )


def _labels(found: Mapping[str, Any]) -> dict[str, str]:
    """Return labels in a fixed order, without the name of the metric, none of them long."""
    return {
        name: str(value)[:_MOST_CHARACTERS]
        for name, value in sorted(found.items())
        if name != "__name__"
    }


def _most(series: Sequence[Series]) -> tuple[Series, ...]:
    """Return the series by their names; if there are too many, the smallest ones added up."""
    if len(series) > MOST_LINES:
        largest_first = sorted(series, key=lambda each: -sum(filter(None, each.values)))
        kept, others = largest_first[: MOST_LINES - 1], largest_first[MOST_LINES - 1 :]
        return (*sorted(kept, key=_name), Series(OTHERS, _added([each.values for each in others])))
    return tuple(sorted(series, key=_name))


def _added(rows: Sequence[Sequence[float | None]]) -> tuple[float | None, ...]:
    return tuple(
        sum(value or 0 for value in column) if any(v is not None for v in column) else None
        for column in zip(*rows)
    )


def _name(series: Series) -> str:
    return series.name
