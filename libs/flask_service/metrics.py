"""What every web service measures, and /metrics, which shows it to Prometheus.

Labels are few and known: no path, site, referrer or anything else that a client chooses may be one.
Import this in Gunicorn's workers only, after libs.flask_service.metrics_files has prepared them.
"""

import os
from collections.abc import Callable
from wsgiref.types import WSGIApplication

from prometheus_client import CollectorRegistry, Gauge, Histogram, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

from libs.flask_service.fast_metrics import observing
from libs.flask_service.metrics_files import DIRECTORY_VARIABLE

METRICS = CollectorRegistry()
"""Has the metrics of this process."""

NO_ROUTE = "-"
"""In place of the route of a request for a page that there is not."""

_COMMIT_VARIABLE = "GIT_COMMIT"

_REQUESTS = Histogram(
    "page_tracker_http_request_duration_seconds",
    "How long requests took until their answer was made.",
    ["route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=METRICS,
)
_observe: dict[tuple[str, int], Callable[[float], None]] = {}

_BUILD = Gauge(
    "page_tracker_build_info",
    "The commit that runs; the value is 1.",
    ["commit"],
    multiprocess_mode="livemax",
    registry=METRICS,
)


def metrics_page() -> WSGIApplication:
    """Return an application that shows the metrics of all processes of this service."""
    _BUILD.labels(os.environ.get(_COMMIT_VARIABLE, "unknown")).set(1)
    if DIRECTORY_VARIABLE not in os.environ:
        return make_wsgi_app(METRICS)
    of_all_processes = CollectorRegistry()
    MultiProcessCollector(of_all_processes)  # type: ignore[no-untyped-call]
    return make_wsgi_app(of_all_processes)


def observe_request(route: str, status: int, seconds: float) -> None:
    """Count a request that was answered; route is a rule such as /sites/<name>."""
    observe = _observe.get((route, status))
    if observe is None:
        observe = _observe[route, status] = observing(_REQUESTS.labels(route, status))
    observe(seconds)
