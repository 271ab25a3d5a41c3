"""Tests that the fast way to count and observe comes to the same as prometheus_client's."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector

from libs.flask_service import metrics_files
from libs.flask_service.fast_metrics import counting, observing

NUMBERS = (0, 0.5, 1, 1, 1.5, 2, 7)


@pytest.fixture(name="files", params=["one process", "files"])
def _files(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> CollectorRegistry | None:
    """Return what reads metrics that are made now from their files, or None if they have none."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)  # restores it
    if request.param != "files":
        return None
    monkeypatch.setenv(metrics_files.DIRECTORY_VARIABLE, str(tmp_path))
    metrics_files.use_files(None, SimpleNamespace(slot=3))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def test_should_come_to_the_same_as_prometheus_client(files: CollectorRegistry | None) -> None:
    # Given
    metrics = CollectorRegistry()
    histograms = [Histogram(name, "", buckets=(1, 2), registry=metrics) for name in ("a", "b")]
    counters = [Counter(f"{name}_n", "", ["label"], registry=metrics) for name in ("a", "b")]
    observe, count = observing(histograms[0]), counting(counters[0].labels("0"))

    # When: some numbers come after the file has grown
    for part in (NUMBERS[:3], NUMBERS[3:]):
        for number in part:
            observe(number)
            count(number)
            histograms[1].observe(number)
            counters[1].labels("0").inc(number)
        for counter in counters:
            for label in range(1000):
                counter.labels(f"label {label}")

    # Then
    read = files or metrics
    for bound in ("1.0", "2.0", "+Inf"):
        fast, usual = (read.get_sample_value(f"{n}_bucket", {"le": bound}) for n in ("a", "b"))
        assert usual is not None
        assert fast == usual, bound
    assert read.get_sample_value("a_sum") == sum(NUMBERS)
    assert read.get_sample_value("a_n_total", {"label": "0"}) == sum(NUMBERS)
