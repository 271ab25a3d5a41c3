"""Tests of the reading part of the API, as a table of calls and answers."""

import contextlib
import json
import time
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from flask.testing import FlaskClient

from libs.page_views.reading import today
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, add_site, change_site
from libs.page_views.tokens import add_token
from libs.page_views.visitors import Client
from libs.processes.testing import paused
from libs.redis_access.connection import connect
from libs.redis_access.embedded import EmbeddedRedis
from services.web.answers import ANSWERS
from services.web.app import create_app

HERE = "/api/v1/sites/example.org"
KOLKATA, NEW_YORK = "Asia/Kolkata", "America/New_York"


@pytest.fixture(name="http_client")
def _http_client(redis_client: redis.Redis) -> FlaskClient:
    return create_app(redis_client).test_client()


@pytest.fixture(name="site")
def _site(redis_client: redis.Redis) -> Site:
    """Return a public site."""
    return add_site(redis_client, "example.org", public=1)


def record(client: redis.Redis, site: Site, *views: View) -> None:
    """Record views of a site."""
    Recorder(client).record(site.name, views, limited=False)


def visitors(first: int, end: int) -> list[Client]:
    """Return the visitors with the numbers from first until end."""
    return [Client(number.to_bytes(4, "big"), "browser") for number in range(first, end)]


def at(day: date, zone: str = "UTC", hour: int = 12, minute: int = 0) -> float:
    """Return a moment of a day, noon unless given, in seconds since 1970."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp()


def get(client: FlaskClient, call: str, **headers: str) -> Any:
    """Return the answer to a call for the public site; fail if it is an error."""
    response = client.get(f"{HERE}/{call}", headers=headers)
    assert response.status_code == 200, response.text
    return response.json


@pytest.fixture(name="day")
def _day(redis_client: redis.Redis, site: Site) -> date:
    """Record views of the site on a day and the day before; return the day."""
    day = (today(site).replace(day=1) - timedelta(days=1)).replace(day=20)
    ann, bob, eve = visitors(0, 3)
    record(
        redis_client,
        site,
        View("/a", at(day), ann, "other.example", "spring"),
        View("/a", at(day), ann),
        View("/a", at(day, hour=13), bob, "other.example"),
        View("/b", at(day), bob, "third.example", "autumn"),
        View("/b", at(day - timedelta(days=1)), ann),
        View("/c", at(day - timedelta(days=1)), eve),
        View("", at(day), dropped="bot"),
        View("", at(day), dropped="bot"),
        View("", at(day - timedelta(days=1)), dropped="spam"),
    )
    return day


A = {"path": "/a", "views": 3, "visitors": 2}
B = {"path": "/b", "views": 1, "visitors": 1}
B_OF_ALL_TIME = {"path": "/b", "views": 2, "visitors": 2}
C = {"path": "/c", "views": 1, "visitors": 1}
OTHER_REFERRER = {"referrer": "other.example", "views": 2, "visitors": 2}
THIRD_REFERRER = {"referrer": "third.example", "views": 1, "visitors": 1}
AUTUMN = {"campaign": "autumn", "views": 1, "visitors": 1}
SPRING = {"campaign": "spring", "views": 1, "visitors": 1}
NOBODY = {"views": 0, "visitors": 0}
IN_A_DAY, SUM = "distinct in a day", "sum of daily visitors"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("totals", {"views": 6, "visitors": 4, "visitors_are": SUM, "range": None}),
        ("totals?path=/a", {"views": 3, "visitors": 2, "visitors_are": SUM}),
        ("totals?path=//a/?utm_source=x", {"views": 3, "visitors": 2}),
        ("totals?path=/nothing", NOBODY),
        ("totals?from=DAY&to=DAY", {"views": 4, "visitors": 2, "visitors_are": IN_A_DAY}),
        ("totals?from=DAY&to=DAY&path=/b", {"views": 1, "visitors": 1}),
        ("totals?from=DAY", {"views": 4, "visitors": 2, "visitors_are": SUM}),
        (
            "totals?from=DAY&to=DAY&compare=previous",
            {
                "views": 4,
                "previous": {
                    "views": 2,
                    "visitors": 2,
                    "range": {"from": "BEFORE", "to": "BEFORE"},
                    "visitors_are": IN_A_DAY,
                    "approximate": False,
                },
            },
        ),
        ("pages", {"pages": [A, B_OF_ALL_TIME, C], "total": 3, "visitors_are": SUM}),
        ("pages?limit=1", {"pages": [A], "total": 3}),
        ("pages?limit=1&offset=1", {"pages": [B_OF_ALL_TIME], "total": 3}),
        ("pages?offset=9", {"pages": [], "total": 3}),
        ("pages?from=DAY&to=DAY", {"pages": [A, B], "visitors_are": IN_A_DAY}),
        ("pages?from=DAY&referrer=third.example", {"pages": [B], "total": 1}),
        ("referrers", {"referrers": [OTHER_REFERRER, THIRD_REFERRER]}),
        ("referrers?from=BEFORE&to=BEFORE", {"referrers": []}),
        ("referrers?from=BEFORE&path=/a/", {"referrers": [OTHER_REFERRER]}),
        ("campaigns", {"campaigns": [AUTUMN, SPRING], "total": 2}),
        ("drops", {"drops": [{"reason": "bot", "requests": 2}, {"reason": "spam", "requests": 1}]}),
        ("drops?from=BEFORE&to=BEFORE", {"drops": [{"reason": "spam", "requests": 1}]}),
        (
            "series?from=BEFORE&to=DAY",
            {
                "series": [
                    {"day": "BEFORE", "views": 2, "visitors": 2},
                    {"day": "DAY", "views": 4, "visitors": 2},
                ],
                "range": {"from": "BEFORE", "to": "DAY"},
                "visitors_are": IN_A_DAY,
            },
        ),
        ("series?path=/b&from=DAY&to=DAY", {"series": [{"day": "DAY", "views": 1, "visitors": 1}]}),
        (
            "series?by=month&from=DAY&to=DAY",
            {
                "series": [{"month": "MONTH", "views": 6, "visitors": 4}],
                "range": {"from": "MONTH-01", "to": "END"},
                "visitors_are": SUM,
            },
        ),
        ("now", {**NOBODY, "seconds": 300, "visitors_are": "distinct in the last 300 seconds"}),
    ],
)
def test_should_answer(
    http_client: FlaskClient, site: Site, day: date, call: str, expected: dict[str, Any]
) -> None:
    # Given
    def dated(text: str) -> str:
        before, end = day - timedelta(days=1), today(site).replace(day=1) - timedelta(days=1)
        for name, value in (("DAY", day), ("BEFORE", before), ("END", end)):
            text = text.replace(name, f"{value}")
        return text.replace("MONTH", f"{day:%Y-%m}")

    # When
    answer = get(http_client, dated(call))

    # Then
    assert {name: answer[name] for name in expected} == json.loads(dated(json.dumps(expected)))
    assert answer["site"] == "example.org"
    assert answer["time_zone"] == "UTC"
    assert answer["approximate"] is False
    assert "standard_error" not in answer


def test_should_return_empty_series_that_are_complete(http_client: FlaskClient, site: Site) -> None:
    current = today(site)
    assert len(get(http_client, "series")["series"]) == 30
    assert len(get(http_client, "series?by=hour")["series"]) == 24
    assert get(http_client, "series?by=month")["series"] == [
        {"month": f"{current:%Y-%m}", **NOBODY}
    ]


def test_should_return_all_months_since_the_first(
    http_client: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    record(redis_client, site, View("/", at(date(2019, 12, 31))))
    answer = get(http_client, "series?by=month")
    assert answer["series"][:2] == [
        {"month": "2019-12", "views": 1, "visitors": 0},
        {"month": "2020-01", **NOBODY},
    ]
    assert answer["series"][-1]["month"] == answer["range"]["to"][:7]
    assert answer["range"]["from"] == "2019-12-01"


def test_should_return_who_is_here_now(
    http_client: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    ann, bob = visitors(0, 2)
    views = (View("/", time.time(), client) for client in (ann, ann, bob))
    record(redis_client, site, *views)
    answer = get(http_client, "now")
    assert (answer["views"], answer["visitors"]) == (3, 2)


@pytest.mark.parametrize("call", ["totals", "pages", "series"])
@pytest.mark.parametrize("number", [127, 128])
def test_should_say_when_visitors_are_approximate(
    http_client: FlaskClient, redis_client: redis.Redis, site: Site, call: str, number: int
) -> None:
    day = today(site) - timedelta(days=9)
    record(redis_client, site, *(View("/", at(day), who) for who in visitors(0, number)))
    answer = get(http_client, f"{call}?from={day}&to={day}")
    assert answer["approximate"] == (number > 127)
    assert answer.get("standard_error") == (0.0081 if number > 127 else None)


def test_should_know_that_the_sum_of_small_days_is_exact(
    http_client: FlaskClient, redis_client: redis.Redis, site: Site
) -> None:
    # Given
    days = [today(site) - timedelta(days=n) for n in (8, 9)]
    views = [View("/", at(day), who) for day in days for who in visitors(0, 100)]
    record(redis_client, site, *views)

    # When
    answer = get(http_client, f"totals?from={days[1]}&to={days[0]}")

    # Then
    assert (answer["visitors"], answer["visitors_are"]) == (200, SUM)
    assert answer["approximate"] is False


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_should_end_a_range_on_the_day_of_the_site(
    http_client: FlaskClient, redis_client: redis.Redis, site: Site, zone: str
) -> None:
    change_site(redis_client, site, zone=zone)  # in one of them it is not the day of UTC
    day = f"{datetime.now(ZoneInfo(zone)):%Y-%m-%d}"
    assert get(http_client, f"totals?from={day}")["range"] == {"from": day, "to": day}


@pytest.mark.parametrize("zone", [KOLKATA, NEW_YORK])
def test_should_cut_days_at_the_midnight_of_the_site(
    http_client: FlaskClient, redis_client: redis.Redis, site: Site, zone: str
) -> None:
    # Given
    change_site(redis_client, site, zone=zone)
    day = date.today() - timedelta(days=9)
    after = day + timedelta(days=1)
    late, early = at(day, zone, 23, 59), at(after, zone, 0)
    record(redis_client, site, View("/late", late), View("/early", early))

    # When
    series = get(http_client, f"series?from={day}&to={after}")
    pages = get(http_client, f"pages?from={after}&to={after}")

    # Then
    assert [row["views"] for row in series["series"]] == [1, 1]
    assert [row["path"] for row in pages["pages"]] == ["/early"]
    assert series["time_zone"] == pages["time_zone"] == zone


@pytest.mark.parametrize(
    ("zone", "hours", "first"),
    [
        (KOLKATA, (24, 25), "T18:00:00Z"),  # the day begins at half past
        (NEW_YORK, (25, 25), "T04:00:00Z"),
        (NEW_YORK, (23, 23), "T05:00:00Z"),
    ],
)
def test_should_return_the_hours_of_utc_that_a_day_touches(
    redis_client: redis.Redis, site: Site, zone: str, hours: tuple[int, int], first: str
) -> None:
    # Given
    hours_of_day, hours_of_utc = hours
    change_site(redis_client, site, zone=zone)
    day = latest_day_of(hours_of_day, zone)
    record(redis_client, site, View("/", at(day, zone, 0, 10)), View("/", at(day, zone, 23, 50)))

    # When
    http_client = create_app(redis_client).test_client()
    series = get(http_client, f"series?by=hour&from={day}&to={day}")["series"]

    # Then
    assert series[0]["hour"].endswith(first)
    assert [row["views"] for row in series] == [1, *[0] * (hours_of_utc - 2), 1]


def latest_day_of(hours: int, zone: str) -> date:
    """Return the last day that is over and has so many hours, because clocks may change."""
    after = date.today() - timedelta(days=1)
    while True:
        day = after - timedelta(days=1)
        if at(after, zone, 0) - at(day, zone, 0) == hours * 3600:
            return day
        after = day


@pytest.mark.parametrize("token", [None, "wrong", "of_other", "of_sender", "shared"])
@pytest.mark.parametrize("call", ["totals", "series", "pages", "now", "totals?nothing=1"])
def test_should_refuse_to_show_a_private_site(
    http_client: FlaskClient, redis_client: redis.Redis, call: str, token: str | None
) -> None:
    # Given
    private = add_site(redis_client, "private.example")
    tokens = {
        "of_other": add_token(redis_client, add_site(redis_client, "other.example"), "read"),
        "of_sender": add_token(redis_client, private, "send"),
        "shared": add_token(redis_client, private, "share"),
    }
    headers = {"Authorization": f"Bearer {tokens.get(token, token)}"} if token else {}

    # When
    response = http_client.get(f"/api/v1/sites/private.example/{call}", headers=headers)

    # Then
    assert (response.status_code, response.content_type) == (401, "application/problem+json")
    challenge = "Bearer error=invalid_token" if token else 'Bearer realm="Page Tracker"'
    assert response.headers["WWW-Authenticate"] == challenge


@pytest.mark.usefixtures("site")
def test_should_know_a_site_by_its_host_in_upper_case(http_client: FlaskClient) -> None:
    assert http_client.get("/api/v1/sites/EXAMPLE.org/now").status_code == 200


def test_should_let_a_token_read_its_private_site(
    http_client: FlaskClient, redis_client: redis.Redis, day: date, site: Site
) -> None:
    change_site(redis_client, site, public=0)
    token = add_token(redis_client, site, "read")
    answer = get(http_client, f"totals?from={day}&to={day}", Authorization=f"Bearer {token}")
    assert (answer["views"], answer["visitors"]) == (4, 2)


@pytest.mark.parametrize(
    ("call", "detail"),
    [
        ("totals?nothing=1", "There is no parameter 'nothing'; there are path, from, to, compare."),
        ("now?limit=1", "There is no parameter 'limit'; there are none here."),
        ("totals?path=", "The parameter path is empty; leave it out or give it a value."),
        ("totals?path=%00", "No page has such a path: the path has a control character."),
        ("pages?limit=1&limit=2", "The parameter limit is given 2 times; give it once."),
        ("pages?limit=0", "limit is '0'; give a whole number from 1 to 1000."),
        ("pages?limit=1001", "limit is '1001'; give a whole number from 1 to 1000."),
        ("pages?limit=%D9%A1", "limit is '\u0661'; give a whole number from 1 to 1000."),
        (f"pages?limit={'1' * 5_000}", "give a whole number from 1 to 1000."),
        ("pages?offset=-1", "offset is '-1'; give a whole number from 0 to 1000000."),
        ("series?by=week", "by is 'week'; give day or hour or month."),
        ("totals?from=2026-02-29", "from is '2026-02-29'; give a date such as 2026-11-25"),
        ("totals?from=20260228", "from is '20260228'; give a date such as 2026-11-25"),
        ("totals?from=1969-12-31", "from is '1969-12-31'; give a date such as 2026-11-25"),
        ("totals?from=9999-12-31", "from is '9999-12-31'; give a date such as 2026-11-25"),
        ("totals?to=2026-01-01", "There is a to without a from;"),
        ("totals?from=2026-01-02&to=2026-01-01", "The range begins on 2026-01-02 but ends before"),
        ("totals?from=2025-01-01&to=2026-02-05", "are 401 days; ask for at most 400 here."),
        ("series?by=hour&from=2026-01-01&to=2026-02-01", "are 32 days; ask for at most 31 here."),
        ("series?by=hour&from=2020-01-01&to=2020-01-01", "This range cannot be read: days before"),
        ("series?path=/&from=2020-01-01&to=2020-01-01", "are kept as months only."),
        ("pages?from=2020-01-02&to=2020-01-31", "begin and end with a month."),
        ("totals?compare=previous", "There is no range to compare"),
        ("totals?compare=next&from=2026-01-01&to=2026-01-01", "compare is 'next'; give previous."),
        ("series?by=hour&path=/", "The series of a path is by day only;"),
        ("pages?referrer=other.example", "The rows of a referrer can be read for a range only;"),
    ],
)
@pytest.mark.usefixtures("site")
def test_should_say_what_is_wrong_with_a_call(
    http_client: FlaskClient, call: str, detail: str
) -> None:
    response = http_client.get(f"{HERE}/{call}")
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    answer = response.json or {}
    assert detail in answer.pop("detail")
    assert answer == {"title": "Bad Request", "status": 400}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", f"{HERE}/nothing", 404),
        ("GET", "/api/v1/sites/no_host!/now", 404),
        ("GET", "/api/v1/sites/unknown.example/now", 404),
        ("POST", f"{HERE}/now", 405),
    ],
)
def test_should_answer_other_errors_as_problems(
    http_client: FlaskClient, method: str, path: str, status: int
) -> None:
    response = http_client.open(path, method=method)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert (response.json or {})["status"] == status


@pytest.mark.usefixtures("site")
def test_should_let_no_other_site_read_in_a_browser(http_client: FlaskClient) -> None:
    headers = {"Origin": "https://other.example"}
    for response in (http_client.get(f"{HERE}/now", headers=headers), http_client.options(HERE)):
        assert not [name for name in response.headers.keys() if name.startswith("Access-Control")]


@pytest.mark.usefixtures("site")
def test_should_answer_although_redis_pauses_for_a_moment(
    http_client: FlaskClient, redis_client: redis.Redis
) -> None:
    redis_client.client_pause(150)  # milliseconds, more than one attempt waits
    assert get(http_client, "totals")["views"] == 0


@pytest.mark.usefixtures("site")
def test_should_ask_to_try_again_within_a_second_when_redis_hangs(
    http_client: FlaskClient, redis_server: EmbeddedRedis
) -> None:
    # Given
    get(http_client, "now")
    with paused(redis_server.process.pid):
        # When
        start = time.monotonic()
        response = http_client.get(f"{HERE}/totals")
        seconds = time.monotonic() - start

    # Then
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert (response.json or {})["detail"].startswith("Redis does not answer in time.")
    assert seconds < 1
    get(http_client, "totals")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", ANSWERS)
def test_should_read_with_the_permissions_of_the_stack(
    redis_client: redis.Redis, redis_url: str, name: str
) -> None:
    rules = ["on", ">secret", "(+get +hget +hgetall +hmget +zcount %R~v2:*)"]
    redis_client.execute_command("ACL SETUSER", "web", *rules)
    with contextlib.closing(connect(redis_url.replace("unix://", "unix://web:secret@"))) as web:
        get(create_app(web).test_client(), name)
    redis_client.acl_deluser("web")
