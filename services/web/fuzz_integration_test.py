"""Tests that no bytes make the web service fail: Hypothesis invents requests, right and wrong."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.web.testing import statuses, tracker

SOME_EXAMPLES, ALL_EXAMPLES = 400, 5_000
EXAMPLES = ALL_EXAMPLES if os.environ.get("SLOW_TESTS") == "all" else SOME_EXAMPLES

pytestmark = pytest.mark.timeout(300)

Bytes = st.SearchStrategy[bytes]


def usually(*usual: bytes, rarely: Bytes = st.binary(max_size=6)) -> Bytes:
    """Return a strategy for one of these, and sometimes for something else."""
    return st.integers(0, 19).flatmap(lambda n: st.sampled_from(usual) if n else rarely)


def joined(*parts: Bytes, by: bytes = b"") -> Bytes:
    """Return a strategy for these parts, one after the other."""
    return st.tuples(*parts).map(by.join)


def repeated(part: Bytes, most: int = 4) -> Bytes:
    """Return a strategy for any number of the part."""
    return st.lists(part, max_size=most).map(b"".join)


METHODS = usually(b"GET", b"HEAD", b"POST", b"OPTIONS", b"CONNECT", b"DELETE")
TARGETS = usually(
    *(b"/", b"/livez", b"/readyz", b"/%00%ff?%zz#", b"//[", b"/../", b"*", b"http://x/", b"x:80"),
    rarely=st.sampled_from([b"http://[::1", b"/" * 5000]),
)
VERSIONS = usually(b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.9", rarely=st.just(b"HTTP/2.0"))
ENDS = usually(b"\r\n", rarely=st.sampled_from([b"\n", b"\r", b"", b"\n\r\n"]))
NAMES = usually(
    *(b"X-Forwarded-For", b"X-Forwarded-Proto", b"SCRIPT_NAME", b"Upgrade", b"Cookie", b"Range"),
    *(b"Trailer", b"If-None-Match", b"User-Agent", b"Authorization", b"Connection", b"Accept"),
    *(b"Content-Type", b"Content-Encoding"),
    rarely=st.sampled_from([b"Host", b"Expect", b"Content-Length", b"Transfer-Encoding"]),
)
VALUES = usually(
    *(b"x", b"", b"\xff", b"=;,=", b"close", b"keep-alive", b"h2c", b"bytes=0-", b"127.0.0.1"),
    *(b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded", b"100-continue"),
    rarely=st.sampled_from([b"\0", b"x" * 8200]),
)
HEADERS = repeated(joined(NAMES, st.just(b": "), VALUES, ENDS))
HOSTS = usually(
    b"Host: x\r\n", b"Host: [::]:1\r\n", rarely=st.sampled_from([b"", b"Host: a..b\r\n"])
)

SIZES = usually(b"0", b"1", b"5", rarely=st.integers(-1, 70_000).map(b"%x".__mod__))
CHUNKS = joined(SIZES, ENDS, st.binary(max_size=5), ENDS)
CONTENTS = (
    st.just(b"\r\n")
    | joined(st.just(b"Content-Length: "), SIZES, st.just(b"\r\n\r\n"), st.binary(max_size=9))
    | joined(
        st.just(b"Transfer-Encoding: chunked\r\n\r\n"), repeated(CHUNKS), usually(b"0\r\n\r\n")
    )
)
REQUESTS = joined(joined(METHODS, TARGETS, VERSIONS, by=b" "), ENDS, HOSTS, HEADERS, CONTENTS)


def test_should_neither_fail_nor_stop_whatever_it_receives(data_dir: Path) -> None:
    # Given
    log = data_dir / "log"
    seen: list[int] = []
    with log.open("wb") as file, tracker(f"--data-dir={data_dir}", log=file) as started:
        started.view()
        family = started.family()

        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
        @given(repeated(REQUESTS))
        def send(data: bytes) -> None:
            found = statuses(started.send(data))
            seen.extend(found)
            assert all(status < 500 for status in found)

        # When
        send()  # pylint: disable=no-value-for-parameter  # Hypothesis gives it

        # Then
        assert started.view().startswith("This page has been seen ")
        assert started.family() == family
    assert {200, 400, 404, 405, 414, 415, 431} <= set(seen)
    assert "Traceback" not in log.read_text()
