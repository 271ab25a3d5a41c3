"""Tests of the trace of a request."""

import re

import pytest

from libs.flask_service.traces import trace_id, trace_id_from, trace_response

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_should_take_a_valid_trace(flags: str) -> None:
    assert trace_id_from(f"00-{TRACE}-{SPAN}-{flags}") == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "secret",
        TRACE,
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}٣-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
    ],
)
def test_should_replace_an_invalid_trace(value: str) -> None:
    made = [trace_id_from(value) for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in made)
    assert len({TRACE, *made}) == 3


def test_should_keep_the_trace_that_it_made_for_a_request() -> None:
    environ = {"HTTP_TRACEPARENT": "invalid"}
    assert trace_id(environ) == trace_id(environ)


def test_should_tell_a_trace_as_it_takes_one() -> None:
    assert trace_id_from(trace_response(TRACE)) == TRACE
