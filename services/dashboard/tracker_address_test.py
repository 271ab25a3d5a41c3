"""Tests of the variable that says where the tracker is."""

import pytest

from libs.flask_service.settings import SettingError
from services.dashboard.tracker_address import VARIABLE, tracker_from_environment


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (None, None),
        ("", None),
        ("https://count.example.org", "https://count.example.org"),
        ("https://count.example.org/", "https://count.example.org"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_should_take_the_address_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str | None, address: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert tracker_from_environment() == address


@pytest.mark.parametrize(
    "value", ["count.example.org", "https://", "ftp://a", "https://a/b", 'https://a"', "https://é"]
)
def test_should_refuse_what_is_no_address(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SettingError, match="TRACKER_URL must be an address such as https://"):
        tracker_from_environment()
