"""Tests of which lines of an access log are page views, and of what they say."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.admin.imports.access_log import LoggedRequest, read_views
from services.admin.imports.errors import ImportFormatError
from services.admin.imports.log_fields import MAX_LINE_BYTES
from services.admin.imports.log_formats import DETECTION_LINES, FORMATS, detect_format
from services.admin.imports.testing import memory_below

CLOCK = "10/Oct/2025:13:55:36 -0700"
SECONDS = datetime.fromisoformat("2025-10-10T13:55:36-07:00").timestamp()
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
REFERRER = "https://news.example/item?id=1"

COMMON = f'203.0.113.9 - - [{CLOCK}] "GET /a?b=1 HTTP/1.1" 200 1234'
COMBINED = f'{COMMON} "{REFERRER}" "{AGENT}"'
CADDY_REQUEST = {
    "remote_ip": "203.0.113.9",
    "proto": "HTTP/2.0",
    "method": "GET",
    "host": "example.org:8443",
    "uri": "/a?b=1",
    "headers": {"User-Agent": [AGENT], "Referer": [REFERRER]},
}
CADDY = {"level": "info", "ts": SECONDS, "request": CADDY_REQUEST, "size": 9, "status": 200}
NGINX = {
    "time_iso8601": "2025-10-10T13:55:36-07:00",
    "remote_addr": "203.0.113.9",
    "request": "GET /a?b=1 HTTP/1.1",
    "status": "200",
    "http_referer": REFERRER,
    "http_user_agent": AGENT,
    "host": "example.org",
}
OTHER_KEYS = {
    "when": str(SECONDS),
    "ip": "203.0.113.9",
    "request_method": "GET",
    "request_uri": "/a?b=1",
    "status": 200,
    "http_referer": REFERRER,
    "http_user_agent": AGENT,
}
OTHER_FORMAT = "json:time=when,address=ip"


def read(*lines: str | bytes, name: str | None = None) -> tuple[list[LoggedRequest], Counter[str]]:
    """Return the page views in these lines, and why other lines are none."""
    problems: Counter[str] = Counter()
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return list(read_views(encoded, name, problems)), problems


PARTS = {
    "address": "203.0.113.9",
    "user": "- -",
    "clock": CLOCK,
    "request": "GET /a HTTP/1.1",
    "status": 200,
    "end": '"-" "-"',
}


def combined(**parts: str | int) -> str:
    """Return a line of the format combined, with these parts changed."""
    line = '{address} {user} [{clock}] "{request}" {status} 12 {end}'
    return line.format(**PARTS | parts)


@pytest.mark.parametrize(
    ("name", "line", "host"),
    [
        ("combined", COMBINED, ""),
        ("combined-vhost", f"example.org:443 {COMBINED}", "example.org"),
        ("combined-vhost", f"example.org {COMBINED}", "example.org"),
        ("combined-vhost", f"[2001:db8::1]:443 {COMBINED}", "[2001:db8::1]"),
        ("combined-vhost", f"198.51.100.1 {COMBINED}", "198.51.100.1"),
        ("common", COMMON, ""),
        ("common-vhost", f"example.org:443 {COMMON}", "example.org"),
        ("caddy", json.dumps(CADDY), "example.org"),
        ("json", json.dumps(NGINX), "example.org"),
        (OTHER_FORMAT, json.dumps(OTHER_KEYS), ""),
    ],
)
def test_should_read_every_format(name: str, line: str, host: str) -> None:
    # When
    views, problems = read(line, name=name)

    # Then
    known = (REFERRER, AGENT) if not name.startswith("common") else ("", "")
    view = views[0]
    assert (view.time, view.address, view.path) == (SECONDS, "203.0.113.9", "/a?b=1")
    assert (view.referrer, view.user_agent, view.host) == (*known, host)
    assert not problems
    if name in FORMATS:
        assert detect_format([b"no log", line.encode()]) == name


@pytest.mark.parametrize(
    ("line", "path", "agent"),
    [
        (combined(address="fe80::1%eth0"), "/a", ""),
        (combined(address="::ffff:192.0.2.1"), "/a", ""),
        (combined(user="- John Doe"), "/a", ""),
        (combined(user=f"- [{CLOCK}] x"), "/a", ""),  # a name that a client chose
        (combined(end=r'"-" "a \"b\" c"'), "/a", 'a "b" c'),
        (combined(end=r'"-" "a\x22b\x5Cc"'), "/a", 'a"b\\c'),
        (combined(end='"-" "a" "203.0.113.1" 0.004'), "/a", "a"),
        (combined(request="GET http://h/a HTTP/1.1"), "/a", ""),
        (combined(request="GET HTTP://h HTTP/1.1"), "/", ""),
        (combined(request="GET https://h?b=/c HTTP/1.1"), "/?b=/c", ""),
        (combined(request=r"GET /caf\xC3\xA9 HTTP/1.1"), "/café", ""),
        (combined(request="GET /café HTTP/1.1"), "/café", ""),
        (combined(request="GET /a.js/b?c.css HTTP/1.1"), "/a.js/b?c.css", ""),
        (combined(request="GET /a HTTP/1.0", status=304), "/a", ""),
        (combined() + "\r\n", "/a", ""),
    ],
)
def test_should_read_odd_lines(line: str, path: str, agent: str) -> None:
    views, problems = read(line)
    assert [(view.path, view.user_agent) for view in views] == [(path, agent)]
    assert not problems


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (combined(request="-"), "not_http"),
        (combined(request=""), "not_http"),
        (combined(request="GET /a"), "not_http"),
        (combined(request="GET  HTTP/1.1"), "not_http"),
        (combined(request="GET * HTTP/1.1"), "not_http"),
        (combined(request="GET ftp://h/a HTTP/1.1"), "not_http"),
        (combined(request=r"\x16\x03\x01\x02\x00\x01", status=400), "not_http"),
        (combined(request="CONNECT h:443 HTTP/1.1"), "not_get"),
        (combined(request="PRI * HTTP/2.0"), "not_get"),
        (combined(request="HEAD /a HTTP/1.1"), "not_get"),
        (combined(request="POST /a HTTP/1.1"), "not_get"),
        *((combined(status=status), "status") for status in (206, 301, 404, 500)),
        (combined(request="GET /a.CSS?b HTTP/1.1"), "static"),
        (combined(request="GET /robots.txt HTTP/1.1"), "static"),
        (combined(request="GET /.well-known/security HTTP/1.1"), "static"),
        (combined(address="proxy.example"), "address"),
        (combined(address="010.1.1.1"), "address"),
        (f"example.org:80 {combined()}", "address"),
        (combined(clock="31/Feb/2025:13:55:36 -0700"), "malformed"),
        (combined(clock="10/Okt/2025:13:55:36 -0700"), "malformed"),
        (combined(clock="10/Oct/2025:13:55:61 -0700"), "malformed"),
        (combined(clock="10/Oct/1925:13:55:36 -0700"), "malformed"),
        (combined(clock="01/Jan/0001:00:00:00 +2300"), "malformed"),
        (combined(clock="10/Oct/2025:13:55:36 -9900"), "malformed"),
        (combined(end='"-" "cut off'), "malformed"),
        ("", "malformed"),
        (combined(request="GET /b HT" + combined()), "malformed"),  # one line within another
        (combined(request="GET /" + "a" * MAX_LINE_BYTES + " HTTP/1.1"), "too_long"),
    ],
)
def test_should_count_other_lines_by_their_reason(line: str, reason: str) -> None:
    views, problems = read(line, name="combined")
    assert (len(views), problems) == ((0, Counter([reason])) if reason else (1, Counter()))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts": "2025-10-10T20:55:36.000Z"}, ""),
        ({"ts": CLOCK}, ""),
        ({"ts": "2025-10-10T20:55:36"}, "malformed"),  # in which zone?
        ({"ts": None}, "malformed"),
        ({"ts": 1e300}, "malformed"),
        ({"ts": float("nan")}, "malformed"),
        ({"ts": 10**400}, "malformed"),
        ({"ts": -1}, "malformed"),
        ({"status": 404}, "status"),
        ({"status": None}, "status"),
        ({"request": []}, "malformed"),
        ({"request": CADDY_REQUEST | {"client_ip": "198.51.100.1"}}, ""),
        ({"request": CADDY_REQUEST | {"remote_ip": "", "remote_addr": "[::1]:80"}}, ""),
        ({"request": CADDY_REQUEST | {"remote_ip": "", "remote_addr": "192.0.2.1:80"}}, ""),
        ({"request": CADDY_REQUEST | {"remote_ip": "@"}}, "address"),
        ({"request": CADDY_REQUEST | {"headers": {}}}, ""),
        ({"request": CADDY_REQUEST | {"headers": {"User-Agent": []}}}, "malformed"),
        ({"request": CADDY_REQUEST | {"uri": 1}}, "malformed"),
    ],
)
def test_should_check_what_caddy_wrote(change: dict[str, object], reason: str) -> None:
    views, problems = read(json.dumps(CADDY | change), name="caddy")
    assert (len(views), problems) == ((0, Counter([reason])) if reason else (1, Counter()))


def test_should_read_what_nginx_escapes_in_its_own_way() -> None:
    line = json.dumps(NGINX).replace("/a?b=1", r"/caf\xC3\xA9").replace(AGENT, r"a\x22b\x5Cc\x0A")
    views, problems = read(line)
    assert (views[0].path, views[0].user_agent) == ("/café", 'a"b\\c\n')
    assert not problems


def test_should_keep_what_is_not_utf_8() -> None:
    line = COMBINED.encode().replace(b"/a", b"/\xff")
    assert read(line)[0][0].path == "/\udcff?b=1"


def test_should_recognise_a_line_in_another_copy_of_the_log() -> None:
    views, _ = read(COMBINED, COMBINED + "\n", COMBINED + "\r\n", COMBINED + " ")
    digests = [view.digest for view in views]
    assert digests[0] == digests[1] == digests[2] != digests[3]


def test_should_read_a_log_without_lines() -> None:
    assert read() == ([], Counter())


def test_should_detect_the_format_before_more_lines_are_written() -> None:
    def lines() -> Iterator[bytes]:
        yield COMBINED.encode()
        pytest.fail("one line is enough")

    assert next(read_views(lines(), None, Counter())).path == "/a?b=1"


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        (None, ["a"] * 2, "none of the first 2 lines is in a known format; name one: combined"),
        (None, ["a"] * DETECTION_LINES + [COMMON], f"none of the first {DETECTION_LINES} lines"),
        ("nginx", [], "unknown format 'nginx'; expected one of combined-vhost, combined, common"),
        ("combined:a=b", [], "unknown format"),
        ("json:", [], "expected json:NAME=KEY,…, with NAME one of address, host"),
        ("json:ip=x", [], "expected json:NAME=KEY"),
        ("json:time=", [], "expected json:NAME=KEY"),
    ],
)
def test_should_refuse_an_unknown_format(name: str | None, lines: list[str], message: str) -> None:
    with pytest.raises(ImportFormatError, match=message):
        read(*lines, name=name)


IIS = """\
#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2026-03-01 09:30:00
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) \
cs(Referer) sc-status sc-substatus sc-win32-status time-taken
2026-03-01 09:30:00 10.0.0.4 GET /a b=1 443 - 203.0.113.9 Mozilla/5.0+(X11) \
https://news.example/ 200 0 0 15
2026-03-01 09:30:01 10.0.0.4 GET /a.css - 443 - 203.0.113.9 Mozilla/5.0+(X11) - 200 0 0 15
#Fields: date time cs-method cs-uri-stem c-ip cs(User-Agent) cs-host sc-status
2026-03-01 09:30:02 GET /b 2001:db8::1 - example.org:8080 304
2026-03-01 09:30:02 GET /b 2001:db8::1 - example.org
"""
CLOUDFRONT = """\
#Version: 1.0
#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status \
cs(Referer) cs(User-Agent) cs-uri-query x-host-header cs-protocol
2026-03-01\t09:30:00\tFRA2\t9\t203.0.113.9\tGET\td1.cloudfront.net\t/a\t200\t\
https://news.example/\tMozilla/5.0%20(X11)\tb=1\texample.org\thttps
2026-03-01\t09:30:02\tFRA2\t9\t2001:db8::1\tGET\td1.cloudfront.net\t/b\t304\t\
-\t-\t-\t-\thttps
"""


@pytest.mark.parametrize(
    ("log", "hosts", "others"),
    [
        (IIS, ["", "example.org"], {"directive": 5, "static": 1, "malformed": 1}),
        (CLOUDFRONT, ["example.org", "d1.cloudfront.net"], {"directive": 2}),
    ],
)
def test_should_read_a_log_that_names_its_fields(
    log: str, hosts: list[str], others: dict[str, int]
) -> None:
    views, problems = read(*log.splitlines())
    seconds = datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc).timestamp()
    assert [tuple(view)[:-1] for view in views] == [
        (seconds, "203.0.113.9", "Mozilla/5.0 (X11)", "/a?b=1", "https://news.example/", hosts[0]),
        (seconds + 2, "2001:db8::1", "", "/b", "", hosts[1]),
    ]
    assert problems == others


def test_should_name_the_field_that_a_log_lacks() -> None:
    lines = "#Fields: date time cs-method cs-uri-stem", "2026-03-01 09:30:00 GET /a"
    assert read(*lines, name="w3c") == ([], {"directive": 1, "no_c-ip": 1})


PIECES = st.sampled_from(
    [*COMBINED.split(" "), *json.dumps(CADDY).split(" "), *json.dumps(NGINX).split(" ")]
    + [" ", '"', "\\", "\\x", "[", "]", "{", "}", "-", "::", "%", "0", "\0", "\ud800"]
)
LINES = st.one_of(
    st.binary(max_size=200),
    st.lists(PIECES | st.text(max_size=3), max_size=40).map(
        lambda pieces: " ".join(pieces).encode("utf-8", "surrogatepass")
    ),
    st.tuples(
        st.sampled_from([COMBINED, json.dumps(CADDY), json.dumps(NGINX)]),
        st.integers(0, 300),
        st.integers(0, 20),
        st.binary(max_size=4),
    ).map(lambda t: t[0].encode()[: t[1]] + t[3] + t[0].encode()[t[1] + t[2] :]),
)


@pytest.mark.parametrize("name", [*FORMATS, OTHER_FORMAT])
@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(lines=st.lists(LINES, min_size=1, max_size=3))
def test_should_count_every_line_once(name: str, lines: list[bytes]) -> None:
    views, problems = read(*lines, name=name)
    assert len(views) + problems.total() == len(lines)
    assert all(view.path.startswith("/") and 0 <= view.time < 1e12 for view in views)


@pytest.mark.parametrize(
    "line",
    [
        "a" + f" [{CLOCK}] " * 2000,
        "a" + f' [{CLOCK}] "' * 2000,
        "a [" * 20_000,
        f'a [{CLOCK}] "' + "\\x" * 30_000,
        f'a [{CLOCK}] "' + '" "' * 20_000,
        "[" * 60_000,
        '{"a":' * 10_000,
    ],
)
def test_should_not_be_slowed_down_by_a_line(line: str) -> None:
    # When
    started = time.process_time()
    for name in FORMATS:
        read(line, name=name)

    # Then
    assert time.process_time() - started < 1


def test_should_need_no_more_memory_for_a_longer_log() -> None:
    # Given
    hours = (datetime.fromtimestamp(hour * 3600, timezone.utc) for hour in range(30_000))
    lines = (
        combined(
            address=f"2001:db8::{hour:%y:%j:%H}",
            clock=f"{hour:%d/%b/%Y:%H:%M:%S %z}",
            request=f"GET /{hour:%y/%j/%H} HTTP/1.1",
        ).encode()
        for hour in hours
    )

    # Then
    with memory_below(3_000_000):
        assert sum(1 for _ in read_views(lines, None, Counter())) == 30_000
