"""Tests of the number of workers."""

import pytest

from libs.flask_service.server import VARIABLE, ConcurrencyError, workers_from_environment


@pytest.mark.parametrize(("value", "workers"), [(None, 2), ("1", 1), ("256", 256)])
def test_should_take_the_number_of_workers_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str | None, workers: int
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    found = workers_from_environment()
    assert found == workers


@pytest.mark.parametrize("value", ["", "0", "00", "-1", "1.5", "two", "2 ", "257", "9" * 5000, "²"])
def test_should_refuse_what_is_no_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ConcurrencyError) as caught:
        workers_from_environment()
    assert str(caught.value) == (
        f"WEB_CONCURRENCY must be a whole number from 1 to 256, not {value[:20]!r}"
    )
