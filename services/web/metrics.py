"""What the web service measures besides requests and Redis: what becomes of views, and of flags."""

from collections.abc import Callable, Mapping

from prometheus_client import Counter, Gauge, Histogram

from libs.flask_service.fast_metrics import counting, observing
from libs.flask_service.metrics import METRICS

_VIEWS = Counter(
    "page_tracker_views",
    "Views by what became of them. Those that wait for Redis are recorded later or discarded.",
    ["outcome"],
    registry=METRICS,
)
_COUNTED, _FAILED, _WAITING, _DISCARDED = (
    counting(_VIEWS.labels(outcome)) for outcome in ("counted", "failed", "waiting", "discarded")
)
_DROPPED = Counter(
    "page_tracker_views_dropped",
    "Requests that are not a person's view of a page of a site, by the reason.",
    ["reason"],
    registry=METRICS,
)
_count_dropped: dict[str, Callable[[float], None]] = {}
_GROUP = Histogram(
    "page_tracker_group_size",
    "Requests whose views go to Redis in one call.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
    registry=METRICS,
)
_QUEUE = Gauge(
    "page_tracker_queue_depth",
    "Views that wait in memory for Redis.",
    multiprocess_mode="livesum",
    registry=METRICS,
)

_UNUSABLE_FLAGS = Gauge(
    "page_tracker_unusable_flags",
    "1 while the file of feature flags cannot be used, so that an earlier one applies.",
    multiprocess_mode="livemax",
    registry=METRICS,
)

observe_group = observing(_GROUP)
"""To be told how many requests a call is of."""


def count_view(confirmed: bool) -> None:
    """Count a view of the front page; confirmed is whether Redis has it for certain."""
    (_COUNTED if confirmed else _FAILED)(1)


def count_views(accepted: int, stored: bool, dropped: Mapping[str, int]) -> None:
    """Count views of sites; stored is whether Redis has the accepted ones."""
    if accepted:
        (_COUNTED if stored else _WAITING)(accepted)
    for reason, number in dropped.items():
        count = _count_dropped.get(reason)
        if count is None:
            count = _count_dropped[reason] = counting(_DROPPED.labels(reason))
        count(number)


def observe_queue(waiting: int, discarded: int) -> None:
    """Note how many more views wait, or fewer, and how many more were discarded."""
    _QUEUE.inc(waiting)
    _DISCARDED(discarded)


def observe_flags(usable: bool) -> None:
    """Note whether the file of feature flags can be used."""
    _UNUSABLE_FLAGS.set(not usable)
