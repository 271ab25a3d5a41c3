"""Tests of when CI uses the shared build cache."""

from pathlib import Path

import pytest

from build_support.pipeline.build_cache import variables


@pytest.mark.parametrize("write", [True, False])
def test_should_say_where_the_cache_is(
    write: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.chdir(tmp_path)

    # When
    found = variables("grpcs://cache.example:8980", "a token", write=write)

    # Then
    token = Path(found["PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH"])
    assert token.read_text(encoding="utf-8") == "a token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert found["PANTS_REMOTE_STORE_ADDRESS"] == "grpcs://cache.example:8980"
    assert found["PANTS_REMOTE_CACHE_WRITE"] == str(write).lower()
    assert "pants.remote.toml" in found["PANTS_CONFIG_FILES"]


@pytest.mark.parametrize(("address", "token"), [("", "a token"), ("grpc://host.example", "")])
def test_should_do_without_a_cache_when_something_is_missing(
    address: str, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not variables(address, token, write=True)
    assert not list(tmp_path.iterdir())
