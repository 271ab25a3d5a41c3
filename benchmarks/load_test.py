"""Tests that the output of the load generators is understood."""

import pytest

from benchmarks.load import Load, LoadError, parse_redis_benchmark, parse_wrk

WRK = """\
Running 2s test @ http://127.0.0.1:9101/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    13.10ms    2.32ms  41.90ms   84.13%
    Req/Sec     4.90k   311.11     5.36k    75.00%
  Latency Distribution
     50%   12.83ms
     75%   13.91ms
     90%   15.21ms
     99%   {p99}
  9775 requests in 2.00s, 2.00MB read
{errors}Requests/sec:   4882.35
Transfer/sec:      1.00MB
"""
SOCKET_ERRORS = "  Socket errors: connect 1, read 20, write 300, timeout 4000\n"
OTHER_STATUS = "  Non-2xx or 3xx responses: 50000\n"
REDIS_BENCHMARK = """\
"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms"
"eval
return 1, 2
 0","15122.87","1.624","0.160","0.895","2.143","3.199"
"""


@pytest.mark.parametrize(
    ("p99", "milliseconds"),
    [("812.00us", 0.812), ("24.30ms", 24.3), ("1.01s ", 1010), ("1.50m ", 90_000)],
)
def test_should_read_wrk(p99: str, milliseconds: float) -> None:
    load = parse_wrk(WRK.format(p99=p99, errors=""))
    assert load == Load(9775, 4882.35, load.p99_ms, failed=0)
    assert load.p99_ms == pytest.approx(milliseconds)


@pytest.mark.parametrize(
    ("errors", "failed"),
    [(SOCKET_ERRORS, 4321), (OTHER_STATUS, 50_000), (SOCKET_ERRORS + OTHER_STATUS, 54_321)],
)
def test_should_add_up_all_kinds_of_failures(errors: str, failed: int) -> None:
    assert parse_wrk(WRK.format(p99="24.30ms", errors=errors)).failed == failed


@pytest.mark.parametrize(
    "output", ["", WRK, WRK.format(p99="0.00us", errors="").replace("9775 requests", "0 requests")]
)
def test_should_refuse_a_run_without_answers(output: str) -> None:
    with pytest.raises(LoadError, match="no answer"):
        parse_wrk(output)


def test_should_read_redis_benchmark() -> None:
    assert parse_redis_benchmark(REDIS_BENCHMARK, 8000) == Load(8000, 15122.87, 3.199, failed=0)


@pytest.mark.parametrize("output", ["", "ERR no such script\n", '"test","rps"\n"eval","nan?"\n'])
def test_should_refuse_other_output_of_redis_benchmark(output: str) -> None:
    with pytest.raises(LoadError, match="redis-benchmark printed"):
        parse_redis_benchmark(output, 8000)
