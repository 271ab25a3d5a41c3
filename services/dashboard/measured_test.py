"""Tests of what becomes of Prometheus' answers."""

from datetime import datetime, timezone
from typing import Any

import pytest

from services.dashboard.measured import MOST_ALERTS, MOST_LINES, current, firing, groups
from services.dashboard.measurements import SPANS, Times, questions

NOW = datetime(2026, 11, 28, 17, 45, 30, tzinfo=timezone.utc)
TIMES = Times(SPANS["1h"], NOW)


def answer(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> dict[str, Any]:
    """Return the data of an answer with these series: labels, and values by their time."""
    return {"result": [{"metric": labels, "values": values} for labels, values in series]}


def alert(number: int, **labels: str) -> dict[str, Any]:
    """Return an alert that fires, as Prometheus describes it."""
    return {
        "state": "firing",
        "labels": {"alertname": f"Alert{number:03}", **labels},
        "annotations": {"summary": "what", "runbook": "where"},
        "activeAt": f"2026-11-28T17:45:00.{number:03}Z",
    }


def test_should_name_each_time_by_its_beginning() -> None:
    names = TIMES.names()
    assert len(names) == len(TIMES) == 61
    assert (names[0], names[-1]) == ("16:45", "17:45")
    assert Times(SPANS["7d"], NOW).names()[-1] == "Sat 16:00"


def test_should_ask_for_the_same_times_that_it_names() -> None:
    (_, drawn), (_, now), _ = questions(TIMES)
    assert int(drawn["end"]) - int(drawn["start"]) == 3600
    assert int(drawn["end"]) - int(NOW.timestamp()) == 30
    assert "[60s]" in drawn["query"] and "STEP" not in drawn["query"] + now["query"]


def test_should_place_values_and_leave_gaps() -> None:
    end = TIMES.last
    data = answer(({"panel": "queue"}, [(end - 60, "1.5"), (end, "NaN"), (end + 60, "9")]))
    (series,) = next(each.series for each in groups(data, TIMES) if each.series)
    assert series.values[-3:] == (None, 1.5, None)
    assert len(series.values) == len(TIMES)


def test_should_add_up_the_smallest_of_too_many_series() -> None:
    many = [
        ({"panel": "drops", "reason": f"reason{number}"}, [(TIMES.last, f"{number}")])
        for number in range(MOST_LINES + 3)
    ]
    (group,) = [each for each in groups(answer(*many), TIMES) if each.series]
    assert [series.name for series in group.series] == [
        *[f"reason{number}" for number in range(4, MOST_LINES + 3)],
        "others",
    ]
    assert group.series[-1].values[-1] == sum(range(4))


def test_should_show_each_service_by_itself_and_the_gateway_first() -> None:
    labels = [{"panel": "requests", "job": job, "class": "2xx"} for job in ("web", "gateway", "x")]
    drawn = groups(answer(*[(each, [(TIMES.last, "1")]) for each in labels]), TIMES)
    assert [each.job for each in drawn[:3]] == ["gateway", "web", "x"]
    assert {series.name for each in drawn[:3] for series in each.series} == {"2xx"}


def test_should_know_what_is_now() -> None:
    result = [
        {"metric": {"panel": "budget", "job": "web"}, "value": [0, "0.5"]},
        {"metric": {"panel": "budget", "job": "gateway"}, "value": [0, "NaN"]},
        {"metric": {"panel": "queue"}, "value": [0, "3"]},
    ]
    now = current({"result": result})
    assert (now["budget"], now["queue"], now["p99"]) == ({"web": 0.5}, {"": 3}, {})


def test_should_list_alerts_that_fire_those_that_wake_somebody_first() -> None:
    pending = {**alert(9), "state": "pending"}
    alerts = [alert(1, severity="ticket", job="web"), alert(2, severity="page"), pending]
    page, ticket = firing({"alerts": alerts})
    assert (page.name, page.about, page.since) == ("Alert002", "", "2026-11-28 17:45:00")
    assert (ticket.name, ticket.about, ticket.runbook) == ("Alert001", "web", "where")
    assert len(firing({"alerts": [alert(number) for number in range(99)]})) == MOST_ALERTS


@pytest.mark.parametrize(
    "data",
    [[], {}, {"result": [{}], "alerts": [{}]}, {"result": [{"metric": {"panel": "other"}}]}],
)
def test_should_refuse_other_answers(data: Any) -> None:
    for read in (lambda: groups(data, TIMES), lambda: current(data), lambda: firing(data)):
        with pytest.raises((KeyError, TypeError, ValueError)):
            read()
