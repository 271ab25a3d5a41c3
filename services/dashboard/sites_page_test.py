"""Tests of the page of all sites."""

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis

from libs.page_views.reading import Count
from libs.page_views.registry import Site
from libs.page_views.reports.answers import Overview
from libs.page_views.reports.reader import Reader
from services.dashboard.app import create_app


def overview(name: str, today: int, **counts: Any) -> Overview:
    """Return an overview with so many views today, by half as many visitors."""
    site = Site("{1}", name, ZoneInfo("UTC"), False, 0, 0)
    days = (*[Count(10, 5)] * 29, Count(today, today // 2))
    given = {"now": Count(), "yesterday": Count(10, 5), "yesterday_so_far": 4, **counts}
    return Overview(site, today=days[-1], today_so_far=today, last_days=days, **given)


def page(monkeypatch: pytest.MonkeyPatch, overviews: list[Overview], query: str = "") -> str:
    """Return the page of these sites, as somebody with an account sees it."""
    monkeypatch.setattr(Reader, "overviews", lambda _: tuple(overviews))
    app = create_app(redis.Redis())
    with app.test_request_context(f"/dashboard/{query}"):
        return str(app.view_functions["dashboard.sites.page"]())


def table(text: str) -> list[str]:
    """Return the text of each row, without marks."""
    rows = re.findall(r"<tr>.*?</tr>", text, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]


def test_should_show_a_row_for_each_site_and_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(
        monkeypatch,
        [overview("a.example", 5, now=Count(4, 3)), overview("b.example", 20_100)],
    )
    _, first, second, total = table(text)
    assert first.startswith("a.example 3 now 5 ▲ 25 % 25 % more, against yesterday to this hour")
    assert "2 visitors 10 4 to this hour 295 147 visitors" in first
    assert second.startswith("b.example 0 now 20.1k ×5k")
    assert total.startswith("All sites 3 now 20.1k")
    assert "10k visitors 20 8 to this hour 20.6k" in total


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "abc"),
        ("?sort=today", "bca"),
        ("?sort=month", "bca"),
        ("?sort=now", "cab"),
        ("?sort=yesterday", "acb"),
        ("?sort=unknown", "abc"),
    ],
)
def test_should_sort(monkeypatch: pytest.MonkeyPatch, query: str, names: str) -> None:
    # Given
    overviews = [
        overview("a.example", 1, yesterday=Count(30, 5)),
        overview("b.example", 300, yesterday=Count(1, 1)),
        overview("c.example", 20, now=Count(2, 2), yesterday=Count(20, 5)),
    ]

    # When
    text = page(monkeypatch, overviews, query)

    # Then
    assert re.findall(r"/dashboard/sites/(.)\.example/", text) == list(names)
    assert len(re.findall("aria-sort", text)) == 1


def test_should_leave_out_what_the_time_zone_does_not_let_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, unknown = overview("a.example", 5), overview("b.example", 5, yesterday_so_far=None)
    _, first, second, total = table(page(monkeypatch, [known, unknown]))
    assert "to this hour" in first
    assert "to this hour" not in second
    assert "to this hour" not in total  # the sum would compare one site with two


def test_should_need_no_sum_of_one_site(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(table(page(monkeypatch, [overview("a.example", 5)]))) == 2


def test_should_say_how_to_add_the_first_site(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(monkeypatch, [])
    assert "/dashboard/sites/add" in text
    assert "<table" not in text


def test_should_find_sites_by_name_and_show_a_page_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    overviews = [overview(f"{number}.example", 1) for number in range(150)]
    overviews.append(overview("blog.test", 7))

    # When
    some = page(monkeypatch, overviews)
    found = page(monkeypatch, overviews, "?search=Blog&sort=today")

    # Then
    assert len(table(some)) == 1 + 100 + 1  # with the sum
    assert "151 found, the first 100 are" in some
    _, row = table(found)
    assert row.startswith("blog.test")
    assert "?sort=now&amp;search=blog" in found
    assert "0 found" in page(monkeypatch, overviews, "?search=none")
    assert 'type="search"' not in page(monkeypatch, overviews[:10])
