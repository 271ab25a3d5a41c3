"""Tests of what the gate of a canary lets pass."""

import json

import pytest

from build_support.deploy.gate import ENOUGH, Seen, add, summary, why_not

FAST = [10] * 1000


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (Seen(FAST, 0), ""),
        (Seen(FAST, 10), ""),
        (Seen(FAST, 11), "11 of 1000 requests failed, before 0 of 1000"),
        (Seen([*FAST, *[70] * 20], 0), ""),
        (Seen([*FAST, *[71] * 10], 0), ""),
        (Seen([*FAST, *[71] * 20], 0), "the p99 is 71 ms, before 10 ms"),
        (Seen([71] * (ENOUGH - 1), 0), ""),
        (Seen([10], 1), "1 of 1 requests failed, before 0 of 1000"),
        (Seen(), ""),
    ],
)
def test_should_refuse_a_colour_that_is_worse_than_the_one_before(new: Seen, why: str) -> None:
    assert why_not(Seen(FAST, 0), new, at_the_end=True) == why


def test_should_let_pass_a_colour_that_is_as_bad_as_the_one_before() -> None:
    assert why_not(Seen(FAST, 300), Seen(FAST, 305), at_the_end=True) == ""


def test_should_judge_errors_before_the_end_only_when_there_were_enough_requests() -> None:
    old = Seen(FAST, 0)
    assert why_not(old, Seen([10] * (ENOUGH - 1), 50), at_the_end=False) == ""
    assert why_not(old, Seen([10] * ENOUGH, 50), at_the_end=False)
    assert why_not(old, Seen([999] * ENOUGH, 0), at_the_end=False) == ""


def test_should_see_what_the_gateway_logs_of_each_colour() -> None:
    # Given
    seen = {"web-service": Seen(), "web-service-green": Seen()}
    requests = [
        ("web-service", 200, 3),
        ("web-service-live", 500, 4),
        ("web-service-green", 502, -1),
        ("web-service-green", 404, 5),
        ("dashboard-service", 500, 6),
    ]

    # When
    for backend, status, ms in requests:
        add(seen, json.dumps({"backend": backend, "status": status, "ms": ms}))
    add(seen, "[NOTICE] (1) : New worker (8) forked")
    add(seen, json.dumps({"service": "gateway", "error": "handshake"}))

    # Then
    assert seen == {
        "web-service": Seen([3, 4], 1),
        "web-service-green": Seen([-1, 5], 1),
    }
    assert summary(seen.items()) == (
        "web-service: 2 requests, 1 failed, too few for a p99;"
        " web-service-green: 2 requests, 1 failed, too few for a p99"
    )
