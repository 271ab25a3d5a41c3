"""Tests that pass on any deployment, even if others view its page meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import redis

from libs.page_views.counting import PAGE_VIEWS_KEY
from tests_e2e.testing import HTTP, TIMEOUT_SECONDS


def test_should_count_every_view(view_page: Callable[[], int]) -> None:
    first = view_page()
    second = view_page()
    assert second > first


def test_should_give_every_view_its_own_number(view_page: Callable[[], int]) -> None:
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda _: view_page(), range(40)))
    assert len(set(numbers)) == 40


def test_should_show_what_is_stored(
    view_page: Callable[[], int], redis_client: redis.Redis
) -> None:
    before = int(redis_client.get(PAGE_VIEWS_KEY) or 0)
    shown = view_page()
    after = int(redis_client.get(PAGE_VIEWS_KEY) or 0)
    assert before < shown <= after


def test_should_forbid_caching(flask_url: str) -> None:
    answer = HTTP.get(flask_url, timeout=TIMEOUT_SECONDS)
    assert answer.headers["Cache-Control"] == "no-store"


def test_should_say_that_it_is_live_and_ready(flask_url: str) -> None:
    live = HTTP.get(f"{flask_url}/livez", timeout=TIMEOUT_SECONDS)
    ready = HTTP.get(f"{flask_url}/readyz", timeout=TIMEOUT_SECONDS)
    assert live.json() == {"live": True}
    assert ready.json() == {"ready": True}


def test_should_not_find_other_pages(flask_url: str) -> None:
    answer = HTTP.get(f"{flask_url}/no-such-page", timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 404
    assert answer.text == "Not Found\n"
