"""Tests that one request is never read as two, whatever marks its end.

Each probe hides GET /hidden where a careless server, or a proxy before it, would begin to read the
next request.
"""

from collections.abc import Iterator

import pytest

from libs.redis_access.embedded import EmbeddedRedis
from services.web.testing import Tracker, statuses, tracker

LINE = b"POST / HTTP/1.1\r\n"
HEAD = LINE + b"Host: x\r\n"
LENGTH = b"Content-Length: 38\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n"
CHUNKS = b"0\r\n\r\n" + HIDDEN

# What Gunicorn or this service refuses.
REFUSED = {
    # Two lengths, or one that can be read in two ways.
    "length and chunked": HEAD + LENGTH + CHUNKED + b"\r\n" + CHUNKS,
    "chunked and length": HEAD + CHUNKED + LENGTH + b"\r\n" + CHUNKS,
    "two lengths": HEAD + b"Content-Length: 0\r\n" + LENGTH + b"\r\n" + HIDDEN,
    "the same length twice": HEAD + LENGTH + LENGTH + b"\r\n" + HIDDEN,
    "list of lengths": HEAD + b"Content-Length: 0, 38\r\n\r\n" + HIDDEN,
    "length with plus": HEAD + b"Content-Length: +38\r\n\r\n" + HIDDEN,
    "negative length": HEAD + b"Content-Length: -38\r\n\r\n" + HIDDEN,
    "hexadecimal length": HEAD + b"Content-Length: 0x26\r\n\r\n" + HIDDEN,
    "length with underscore": HEAD + b"Content-Length: 3_8\r\n\r\n" + HIDDEN,
    "length that is no ASCII digit": HEAD + b"Content-Length: \xb3\r\n\r\n" + HIDDEN,
    "empty length": HEAD + b"Content-Length:\r\n\r\n" + HIDDEN,
    # Transfer codings that one server reads as "chunked" and another does not.
    "unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
    "unknown coding and length": HEAD + LENGTH + b"Transfer-Encoding: x\r\n\r\n" + CHUNKS,
    "quoted coding": HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n' + CHUNKS,
    "coding with parameter": HEAD + b"Transfer-Encoding: chunked;q=1\r\n\r\n" + CHUNKS,
    "coding after vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS,
    "no coding": HEAD + b"Transfer-Encoding:\r\n\r\n" + CHUNKS,
    "identity": HEAD + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS,
    "chunked, identity": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS,
    "identity, chunked": HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n" + CHUNKS,
    "gzip, chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
    "chunked twice": HEAD + CHUNKED + CHUNKED + b"\r\n" + CHUNKS,
    "chunked of HTTP/1.0": b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    # Header lines that some servers repair.
    "space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS,
    "tab before the colon": HEAD + b"Content-Length\t: 38\r\n\r\n" + HIDDEN,
    "space before the name": HEAD + b" Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "folded line": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS,
    "no colon": HEAD + b"Transfer-Encoding chunked\r\n\r\n" + CHUNKS,
    "no name": HEAD + b": chunked\r\n\r\n" + CHUNKS,
    "bare LF in a header": HEAD + b"X: y\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "bare CR in a header": HEAD + b"X: y\rTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "NUL in a header": HEAD + b"Transfer-Encoding: chunked\0\r\n\r\n" + CHUNKS,
    "only bare LFs": (HEAD + LENGTH).replace(b"\r\n", b"\n") + b"\n" + HIDDEN,
    "bare LF after the line": b"POST / HTTP/1.1\nHost: x\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    "two hosts": HEAD + b"Host: y\r\n\r\n" + HIDDEN,
    "no host": LINE + b"\r\n" + HIDDEN,
    "host with path": LINE + b"Host: x/y\r\n\r\n" + HIDDEN,
    "host with user": LINE + b"Host: user@x\r\n\r\n" + HIDDEN,
    # Chunks that can be read in two ways.
    "chunk size with 0x": HEAD + CHUNKED + b"\r\n0x0\r\n\r\n" + HIDDEN,
    "chunk size with plus": HEAD + CHUNKED + b"\r\n+0\r\n\r\n" + HIDDEN,
    "negative chunk size": HEAD + CHUNKED + b"\r\n-1\r\n\r\n" + HIDDEN,
    "chunk size with underscore": HEAD + CHUNKED + b"\r\n0_0\r\n\r\n" + HIDDEN,
    "chunk size after space": HEAD + CHUNKED + b"\r\n 0\r\n\r\n" + HIDDEN,
    "chunk size before space": HEAD + CHUNKED + b"\r\n0 \r\n\r\n" + HIDDEN,
    "no chunk size": HEAD + CHUNKED + b"\r\n\r\n" + HIDDEN,
    "chunk of the wrong size": HEAD + CHUNKED + b"\r\n1\r\nab\r\n" + CHUNKS,
    "bare LF after the chunk size": HEAD + CHUNKED + b"\r\n1\na\r\n" + CHUNKS,
    "bare LF after the chunk": HEAD + CHUNKED + b"\r\n1\r\na\n" + CHUNKS,
    "bare LF in a chunk extension": HEAD + CHUNKED + b"\r\n1;x\ny\r\na\r\n" + CHUNKS,
    "bare CR in a chunk extension": HEAD + CHUNKED + b"\r\n1;x\ry\r\na\r\n" + CHUNKS,
    "malformed chunk extension": HEAD + CHUNKED + b"\r\n1;=\r\na\r\n" + CHUNKS,
    "bare LF in a trailer": HEAD + CHUNKED + b"\r\n0\r\nX: y\n\r\n" + HIDDEN,
    "length in a trailer": HEAD + CHUNKED + b"\r\n0\r\n" + LENGTH + b"\r\n" + HIDDEN,
    # Request lines that some servers repair.
    "HTTP/0.9": b"GET /\r\n" + HIDDEN,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "HTTP/3.0": b"GET / HTTP/3.0\r\nHost: x\r\n\r\n" + HIDDEN,
    "version with three digits": b"GET / HTTP/1.01\r\nHost: x\r\n\r\n" + HIDDEN,
    "space after the version": b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n" + HIDDEN,
    "two spaces": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "tabs": b"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "space before the method": b" GET / HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "lower-case method": b"get / HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "no ASCII in the target": b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "target without a slash": b"GET x HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "PROXY protocol": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n" + HIDDEN,
}

# What HTTP allows. What is hidden is content, and the answers are those of the page.
CONTENT = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
ACCEPTED = {
    "content": (HEAD + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN, 405),
    "content of GET": (
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        415,
    ),
    "length with underscore in its name": (
        HEAD + b"Content_Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        405,
    ),
    "chunk": (HEAD + CHUNKED + b"\r\n" + CONTENT, 405),
    "chunk extension": (HEAD + CHUNKED + b"\r\n" + CONTENT.replace(b"\r\n", b";x=y\r\n", 1), 405),
    "CHUNKED": (HEAD + b"Transfer-Encoding: CHUNKED\r\n\r\n" + CONTENT, 405),
    "trailer": (HEAD + CHUNKED + b"\r\n0\r\nX: y\r\n\r\n", 405),
    "method after an empty line": (b"\r\n" + HEAD + b"\r\n", 405),
    "absolute target": (b"POST http://other/ HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "tunnel": (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN, 404),
    "content that does not arrive": (HEAD + b"Content-Length: 99\r\n\r\n" + HIDDEN, 400),
}


@pytest.fixture(name="started", scope="module")
def _started(redis_server: EmbeddedRedis) -> Iterator[Tracker]:
    with tracker(REDIS_URL=redis_server.url) as started:
        yield started


@pytest.mark.parametrize("probe", REFUSED.values(), ids=REFUSED)
def test_should_refuse_a_request_that_can_be_read_in_two_ways(
    started: Tracker, probe: bytes
) -> None:
    assert statuses(started.send(probe)) == [400]


@pytest.mark.parametrize(("probe", "status"), ACCEPTED.values(), ids=ACCEPTED)
def test_should_read_content_as_no_request(started: Tracker, probe: bytes, status: int) -> None:
    assert statuses(started.send(probe)) == [status]
