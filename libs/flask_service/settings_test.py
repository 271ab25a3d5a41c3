"""Tests of the environment variables that every web service has."""

import pytest

from libs.flask_service.settings import (
    LOG_FORMAT_VARIABLE,
    LOG_REQUESTS_VARIABLE,
    METRICS_PORT_VARIABLE,
    PROXIES_VARIABLE,
    WORKERS_VARIABLE,
    SettingError,
    check_settings,
    logs_every_request,
    metrics_port_from_environment,
    trusted_proxies_from_environment,
    workers_from_environment,
)


@pytest.mark.parametrize(("value", "workers"), [(None, 2), ("1", 1), ("256", 256)])
def test_should_take_the_number_of_workers_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str | None, workers: int
) -> None:
    monkeypatch.delenv(WORKERS_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(WORKERS_VARIABLE, value)
    found = workers_from_environment()
    assert found == workers


@pytest.mark.parametrize("value", ["", "0", "00", "-1", "1.5", "two", "2 ", "257", "9" * 5000, "²"])
def test_should_refuse_what_is_no_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(WORKERS_VARIABLE, value)
    with pytest.raises(SettingError) as caught:
        workers_from_environment()
    assert str(caught.value) == (
        f"WEB_CONCURRENCY must be a whole number from 1 to 256, not {value[:20]!r}"
    )


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        (None, []),
        ("", []),
        ("10.0.0.1", ["10.0.0.1/32"]),
        ("10.0.0.0/8, fd00::/8,", ["10.0.0.0/8", "fd00::/8"]),
    ],
)
def test_should_take_the_trusted_proxies_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str | None, networks: list[str]
) -> None:
    monkeypatch.delenv(PROXIES_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(PROXIES_VARIABLE, value)
    assert list(map(str, trusted_proxies_from_environment())) == networks


@pytest.mark.parametrize("value", ["*", "proxy", "10.0.0.1/8", "10.0.0.0/33", "1.2.3", "x" * 5000])
def test_should_refuse_what_is_no_network(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(PROXIES_VARIABLE, f"10.0.0.0/8,{value}")
    with pytest.raises(SettingError) as caught:
        trusted_proxies_from_environment()
    assert str(caught.value) == (
        f"TRUSTED_PROXIES must be networks such as 10.0.0.0/8,fd00::/8, not {value[:45]!r}"
    )


@pytest.mark.parametrize(("value", "port"), [(None, 9000), ("0", 0), ("65535", 65535)])
def test_should_take_the_port_of_metrics_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str | None, port: int
) -> None:
    monkeypatch.delenv(METRICS_PORT_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(METRICS_PORT_VARIABLE, value)
    assert metrics_port_from_environment() == port


@pytest.mark.parametrize("value", ["", "-1", "65536", "http", "9" * 5000])
def test_should_refuse_what_is_no_port(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(METRICS_PORT_VARIABLE, value)
    with pytest.raises(SettingError) as caught:
        metrics_port_from_environment()
    assert str(caught.value) == (
        f"METRICS_PORT must be a whole number from 0 to 65535, not {value[:20]!r}"
    )


@pytest.mark.parametrize(("value", "every"), [(None, False), ("some", False), ("all", True)])
def test_should_log_every_request_if_told_so(
    monkeypatch: pytest.MonkeyPatch, value: str | None, every: bool
) -> None:
    monkeypatch.delenv(LOG_REQUESTS_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(LOG_REQUESTS_VARIABLE, value)
    assert logs_every_request() is every


@pytest.mark.parametrize(
    ("variable", "valid"),
    [(LOG_FORMAT_VARIABLE, "json or console"), (LOG_REQUESTS_VARIABLE, "some or all")],
)
@pytest.mark.parametrize("value", ["", "JSON", "x" * 5000])
def test_should_refuse_another_way_to_log(
    monkeypatch: pytest.MonkeyPatch, variable: str, valid: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError) as caught:
        check_settings()
    assert str(caught.value) == f"{variable} must be {valid}, not {value[:20]!r}"
