"""What every deployment does, whatever else views its page meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import redis
import requests

from libs.redis_access.page_views import PAGE_VIEWS_KEY


def test_should_count_every_view(view_page: Callable[[], int]) -> None:
    # Given
    first = view_page()

    # When
    second = view_page()

    # Then
    assert second > first


def test_should_give_every_view_its_own_number(view_page: Callable[[], int]) -> None:
    # When
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda _: view_page(), range(40)))

    # Then
    assert len(set(numbers)) == 40


def test_should_show_what_is_stored(
    view_page: Callable[[], int], redis_client: redis.Redis
) -> None:
    # Given
    before = int(redis_client.get(PAGE_VIEWS_KEY) or 0)

    # When
    shown = view_page()

    # Then
    after = int(redis_client.get(PAGE_VIEWS_KEY) or 0)
    assert before < shown <= after


def test_should_forbid_caching(flask_url: str) -> None:
    # When
    answer = requests.get(flask_url, timeout=5)

    # Then
    assert answer.headers["Cache-Control"] == "no-store"


def test_should_say_that_it_is_live_and_ready(flask_url: str) -> None:
    # When
    live = requests.get(f"{flask_url}/livez", timeout=5)
    ready = requests.get(f"{flask_url}/readyz", timeout=5)

    # Then
    assert live.json() == {"live": True}
    assert ready.json() == {"ready": True}


def test_should_not_find_other_pages(flask_url: str) -> None:
    # When
    answer = requests.get(f"{flask_url}/no-such-page", timeout=5)

    # Then
    assert answer.status_code == 404
    assert answer.text == "Not Found\n"
