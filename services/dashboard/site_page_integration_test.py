"""Tests of the pages of one site, with views that are recorded in a real Redis."""

import csv
import io
import re
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from libs.flask_service.page_testing import Page
from libs.page_views.recording import MOST_ROWS, Recorder, View
from libs.page_views.registry import add_site, change_site, find_site
from libs.page_views.visitors import Client

HERE = "/dashboard/sites/example.org/"
NOW = time.time()

Rows = dict[str, tuple[str, str]]
"""For each row of a panel, its views and visitors as they are shown."""


@pytest.fixture(autouse=True)
def _site(redis_client: redis.Redis) -> None:
    add_site(redis_client, "example.org")


def view(path: str, visitor: int = 1, *, referrer: str = "", days_ago: int = 0) -> View:
    """Return a view by the visitor with a number."""
    client = Client(visitor.to_bytes(4, "big"), "browser")
    return View(path, NOW - 86_400 * days_ago, client, referrer)


def record(redis_client: redis.Redis, *views: View) -> None:
    """Record views of the site."""
    Recorder(redis_client).record("example.org", views, limited=False)


def get(client: FlaskClient, address: str = "") -> TestResponse:
    """Return the answer to an address of the site; fail if it is an error."""
    response = client.get(HERE + address)
    assert response.status_code == 200, response.text
    return response


def panel(page: Page, name: str) -> str:
    """Return the text of a panel, with single spaces."""
    (section,) = [
        each for each in page.all("section") if each.attributes.get("aria-labelledby") == name
    ]
    return " ".join(section.text.split())


def json(client: FlaskClient, table: str, query: str = "") -> Any:
    """Return a table as programs get it."""
    return get(client, f"{table}.json{query}").json[table]  # type: ignore[index]


def test_should_show_the_first_view_at_once(redis_client: redis.Redis, client: FlaskClient) -> None:
    assert "Waiting for the first view" in get(client).text

    record(redis_client, view("/a"))

    page = Page(get(client).text)
    assert any("1 view, most on" in each.text for each in page.all("figcaption"))
    assert re.search(r"so far: 1 view, 1 visitor", get(client).text)
    assert "/a 1 1 100 %" in panel(page, "pages").replace("\N{NO-BREAK SPACE}", " ").replace(
        "≠ ↗ ", ""
    )


def test_should_show_the_same_sum_everywhere(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    # Given
    record(
        redis_client,
        *(view("/a", visitor, days_ago=visitor % 5) for visitor in range(30)),
        *(view("/b", visitor, days_ago=visitor) for visitor in range(7)),
    )

    # When
    answer = get(client, "?range=30")
    page = Page(answer.text)

    # Then
    bars = [int(views) for views in re.findall(r"<title>[^:]*: ([0-9,]+) view", answer.text)]
    rows = list(csv.DictReader(io.StringIO(get(client, "series.csv?range=30").text)))
    assert sum(bars) == 37
    assert sum(int(row["views"]) for row in rows) == 37
    assert sum(row["views"] for row in json(client, "pages", "?range=30")) == 37
    assert " ".join(page.all("dl")[0].text.split()).startswith("Views 37 ")


def test_should_filter_by_a_row_and_by_all_others(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    # Given
    record(
        redis_client,
        *(view("/a", visitor, referrer="x.example") for visitor in range(3)),
        *(view("/a", visitor, referrer="y.example") for visitor in range(2)),
        *(view("/b", visitor) for visitor in range(4)),
    )

    # Then
    def pages(query: str) -> dict[str, int]:
        return {row["path"]: row["views"] for row in json(client, "pages", query)}

    assert pages("?page=/a") == {"/a": 5}
    assert pages("?not-page=/a") == {"/b": 4}
    assert pages("?page=/a&page=/b") == {"/a": 5, "/b": 4}
    assert pages("?referrer=x.example") == {"/a": 3}
    assert pages("?referrer=(direct)") == {"/b": 4}
    assert pages("?page=/b&referrer=x.example") == {}
    referrers = {row["referrer"]: row["views"] for row in json(client, "referrers", "?page=/a")}
    assert referrers == {"x.example": 3, "y.example": 2}


def test_should_say_which_views_are_in_no_bar(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    # Given a zone whose days begin within an hour of UTC
    change_site(redis_client, find_site(redis_client, "example.org"), zone="Asia/Kathmandu")
    midnight = datetime.now(ZoneInfo("Asia/Kathmandu")).replace(hour=0, minute=0)
    day = (midnight - timedelta(days=3)).date()
    begun = (midnight - timedelta(days=3)).timestamp() + 60

    # When
    record(redis_client, replace(view("/a"), time=begun))

    # Then
    def note(query: str) -> str:
        return " ".join(Page(get(client, query).text).one("main").text.split())

    before = day - timedelta(days=1)
    assert "Views in no bar: 1. Hours are those of UTC" in note(f"?day={day}")
    assert "of other days: 1. Hours are" in note(f"?from={before}&to={before}")
    both = note(f"?from={before}&to={day}&by=hour")
    assert "Hours are" in both and "Views in" not in both
    assert "Hours are" not in note(f"?from={before}&to={day}&by=day")


def test_should_say_what_is_not_counted_instead_of_showing_everything(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    record(redis_client, view("/a"), view("/b"), replace(view("/a"), dropped="bot"))
    assert "bot 1 100" in panel(Page(get(client).text), "filtered")

    page = Page(get(client, "?page=/a").text)
    assert "/b" not in page.one("main").text
    for table in ("campaigns", "filtered"):
        assert "not counted" in panel(page, table)
        assert client.get(f"{HERE}{table}.csv?page=/a").status_code == 400
    assert " ".join(page.all("dl")[0].text.split()).endswith("Filtered –")


def test_should_say_what_was_filtered_today(redis_client: redis.Redis, client: FlaskClient) -> None:
    bot, earlier = (replace(view("/", days_ago=days), dropped="bot") for days in (0, 3))
    record(
        redis_client, view("/"), bot, earlier, replace(earlier, dropped="do_not_track", nonce="")
    )
    filtered = panel(Page(get(client, "?range=7").text), "filtered")
    assert "Reason Requests Today Share bot 2 1" in filtered
    assert "do not track 1 0" in filtered
    assert "Today" not in panel(Page(get(client, "?range=today").text), "filtered")


def test_should_lead_from_a_row_to_what_it_filters(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    # Given
    record(redis_client, view("/a?b=1&c=%26"), view("/d"), view("/d", 2))

    # When
    links = [each.attributes.get("href", "") for each in Page(get(client).text).all("a")]
    (only,) = [link for link in links if "&page=/a" in link or "?page=/a" in link]

    # Then
    page = Page(get(client, only).text)
    assert "page is /a?b=1&c=%26" in " ".join(page.all("ul")[0].text.split())
    assert " ".join(page.all("dl")[0].text.split()).startswith("Views 1 ")


def test_should_add_the_filter_of_the_form(redis_client: redis.Redis, client: FlaskClient) -> None:
    record(redis_client, view("/a"))
    answer = client.get(f"{HERE}?range=7&page=/a&filter=not-referrer&row=x.example")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "?range=7&page=/a&not-referrer=x.example",
    )


def test_should_find_sort_and_page_through_all_rows(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    # Given
    record(redis_client, *(view(f"/{number:03}") for number in range(150)), view("/149", 2))

    # Then
    assert "All 150" in panel(Page(get(client).text), "pages")
    listed = get(client, "pages").text
    assert listed.index("/149") < listed.index("/0")  # the most viewed comes first
    first = get(client, "pages?sort=name").text
    assert "/099" in first and "/100" not in first
    second = get(client, "pages?sort=name&n=2").text
    assert "/100" in second and "/099" not in second
    found = get(client, "pages?search=14&sort=name").text
    assert found.index("/014") < found.index("/140") and "12 rows" in found


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("?range=31", "There is no range"),
        ("?from=2026-02-30", "is no date"),
        ("?from=1999-01-02&to=1999-02-01", "cannot be read"),
        ("pages?n=0", "is no number of a page"),
        ("pages?sort=size", "views, visitors, name"),
        ("?filter=size&row=1", "choose those of the form"),
        ("?filter=page", "choose those of the form"),
    ],
)
def test_should_say_what_is_wrong_with_an_address(
    redis_client: redis.Redis, client: FlaskClient, address: str, words: str
) -> None:
    record(redis_client, view("/a"))
    answer = client.get(HERE + address)
    assert answer.status_code == 400
    assert words in Page(answer.text).one("main").text


def test_should_isolate_names_and_run_nothing_in_them(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    # Given
    record(redis_client, view("/<script>alert(1)</script>"), view("/\N{HEBREW LETTER ALEF}"))

    # When
    answer = get(client)

    # Then
    assert "<script>alert" not in answer.text
    names = [each.text for each in Page(answer.text).all("bdi")]
    assert "/<script>alert(1)</script>" in names and "/\N{HEBREW LETTER ALEF}" in names
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert " style=" not in answer.text and "<style" not in answer.text


def test_should_not_link_what_had_no_room(
    redis_client: redis.Redis, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MOST_ROWS, "pages", {"day": 1, "month": 1})
    record(redis_client, view("/a"), view("/b"), view("/c"))
    page = Page(get(client).text)
    assert "(other) 2" in panel(page, "pages")
    assert not [each for each in page.all("a") if "other" in each.attributes.get("href", "")]


def test_should_show_no_future(redis_client: redis.Redis, client: FlaskClient) -> None:
    record(redis_client, view("/a"))
    hour = datetime.now(timezone.utc).hour
    rows = json(client, "series", "?range=today&by=hour")
    assert len(rows) - 1 in (hour, hour + 1)
    assert get(client, "?range=today").text.count("so far") >= 1


def test_should_lead_to_the_last_days_with_views(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    record(redis_client, view("/a", days_ago=40))
    day = datetime.now(timezone.utc).date() - timedelta(days=40)
    page = Page(get(client, "?range=7").text)
    assert "No views from" in page.one("main").text
    assert f"?day={day}" in [each.attributes.get("href") for each in page.all("a")]


def test_should_lead_to_the_same_days_of_other_sites(
    redis_client: redis.Redis, client: FlaskClient
) -> None:
    assert "Site:" not in get(client).text
    add_site(redis_client, "b.example")
    links = Page(get(client, "pages?range=7&page=/a").text).all("a")
    assert "/dashboard/sites/b.example/?range=7" in [each.attributes["href"] for each in links]


def test_should_not_know_other_sites(client: FlaskClient) -> None:
    for name in ("other.example", "not a site"):
        answer = client.get(f"/dashboard/sites/{name}/")
        assert answer.status_code == 404
