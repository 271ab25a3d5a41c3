"""What the page of operations asks Prometheus.

All that is drawn is asked for in one question, and all that is current in another: each part of
them is marked with the label "panel". compose/monitoring/rules.yml records most of the series.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from services.dashboard.prometheus import Question


@dataclass(frozen=True)
class Span:
    """How far back the page looks."""

    name: str
    length: timedelta
    step: timedelta
    """The time from one value to the next; a value is the average of it."""
    step_name: str
    form: str
    """How a time is written, for datetime.strftime."""


SPANS = {
    "1h": Span("1 hour", timedelta(hours=1), timedelta(minutes=1), "1 minute", "%H:%M"),
    "24h": Span("24 hours", timedelta(hours=24), timedelta(minutes=15), "15 minutes", "%H:%M"),
    "7d": Span("7 days", timedelta(days=7), timedelta(hours=2), "2 hours", "%a %H:%M"),
}
"""What ?range= may be."""


@dataclass(frozen=True)
class Panel:
    """What is drawn together."""

    title: str
    unit: str
    """"s" for seconds, or "" for numbers."""
    query: str
    """PromQL; STEP stands for the time from one value to the next."""
    by_job: bool = False
    """Whether each service has a chart of its own."""


def _quantiles(series: str) -> str:
    """Return PromQL for the 50th and 99th percentile of recorded buckets."""
    return " or ".join(
        f'label_replace(histogram_quantile({part}, avg_over_time({series}[STEP])), "q", "{name}",'
        ' "", "")'
        for name, part in (("p50", 0.5), ("p99", 0.99))
    )


PANELS = {
    "requests": Panel(
        "Requests per second",
        "",
        "avg_over_time(job_class:page_tracker_requests:rate5m[STEP])",
        by_job=True,
    ),
    "seconds": Panel(
        "Time to answer", "s", _quantiles("job_le:page_tracker_request_seconds:rate5m"), by_job=True
    ),
    "views": Panel(
        "Views per second", "", "avg_over_time(outcome:page_tracker_views:rate5m[STEP])"
    ),
    "drops": Panel(
        "Dropped requests per second",
        "",
        "avg_over_time(reason:page_tracker_views_dropped:rate5m[STEP])",
    ),
    "groups": Panel(
        "Requests in one call to Redis", "", _quantiles("le:page_tracker_group_size:rate5m")
    ),
    "queue": Panel(
        "Views that wait for Redis", "", "sum(max_over_time(page_tracker_queue_depth[STEP]))"
    ),
    "redis": Panel(
        "Time of a call to Redis", "s", _quantiles("le:page_tracker_redis_call_seconds:rate5m")
    ),
    "redis-errors": Panel(
        "Errors of Redis per second",
        "",
        "avg_over_time(kind:page_tracker_redis_errors:rate5m[STEP])",
    ),
    # The gateway asks each replica for /readyz every second. Without a gateway, all that is known
    # is which replicas answer Prometheus.
    "ready": Panel(
        "Ready replicas",
        "",
        "sum by (service) (label_replace(min_over_time(haproxy_backend_active_servers{"
        'proxy=~".+-service.*", proxy!~".*-live"}[STEP]), "service", "$1", "proxy", "(.*)"))'
        ' or on () sum by (service) (label_replace(min_over_time(up{job=~"web|dashboard"}[STEP]),'
        ' "service", "$1", "job", "(.*)"))',
    ),
}
"""By the value of their label."""

NOW = {
    "requests": "sum by (job) (job:page_tracker_requests:rate5m)",
    "p99": "job:page_tracker_request_seconds:p99_rate5m",
    "queue": "sum(page_tracker_queue_depth)",
    "ready": PANELS["ready"].query.replace("STEP", "1m"),
    "budget": "job:page_tracker_error_budget:left30d",
}
"""PromQL for what is now, by the value of its label."""


class Times:
    """The times whose values are drawn: the last of each step, until now."""

    def __init__(self, span: Span, now: datetime) -> None:
        step = span.step.total_seconds()
        self.span = span
        self.last = math.ceil(now.timestamp() / step) * step
        self.first = self.last - span.length.total_seconds()
        self.step = step

    def __len__(self) -> int:
        return round((self.last - self.first) / self.step) + 1

    def names(self) -> list[str]:
        """Return how the beginning of each step is written, in UTC."""
        begins = (self.first + (index - 1) * self.step for index in range(len(self)))
        return [f"{datetime.fromtimestamp(at, timezone.utc):{self.span.form}}" for at in begins]

    def place(self, samples: Iterable[tuple[float, str]]) -> tuple[float | None, ...]:
        """Return the values of samples at their places."""
        values: list[float | None] = [None] * len(self)
        for at, text in samples:
            index = round((at - self.first) / self.step)
            if 0 <= index < len(values) and math.isfinite(value := float(text)):
                values[index] = value
        return tuple(values)


def questions(times: Times) -> list[Question]:
    """Return what to ask Prometheus: what to draw, what is now, and which alerts there are."""
    step = f"{times.step:.0f}s"
    drawn = {key: panel.query.replace("STEP", step) for key, panel in PANELS.items()}
    span = {"start": f"{times.first:.0f}", "end": f"{times.last:.0f}", "step": step}
    return [
        ("query_range", {"query": _union(drawn), **span}),
        ("query", {"query": _union(NOW)}),
        ("alerts", {}),
    ]


def _union(queries: Mapping[str, str]) -> str:
    """Return PromQL for all queries at once; the label "panel" has the key of each."""
    return " or ".join(
        f'label_replace({query}, "panel", "{key}", "", "")' for key, query in queries.items()
    )
