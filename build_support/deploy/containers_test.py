"""Tests of the file from which Compose takes variables."""

from pathlib import Path

from build_support.deploy.containers import Settings


def test_should_set_variables_and_keep_what_else_there_is(tmp_path: Path) -> None:
    # Given
    file = tmp_path / ".env"
    file.write_text("# ours\nWEB_PORT=8080\nWEB_IMAGE=old\n")
    file.chmod(0o600)
    settings = Settings(file)

    # When
    settings.update(WEB_IMAGE="new", WEB_GREEN_IMAGE="newer", COMPOSE_PROFILES="")

    # Then
    assert file.read_text() == "# ours\nWEB_PORT=8080\nWEB_IMAGE=new\nWEB_GREEN_IMAGE=newer\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (settings["WEB_IMAGE"], settings["OTHER"]) == ("new", "")


def test_should_make_the_file_if_there_is_none(tmp_path: Path) -> None:
    settings = Settings(tmp_path / ".env")
    assert settings["WEB_IMAGE"] == ""
    settings.update(WEB_IMAGE="new")
    assert settings["WEB_IMAGE"] == "new"


def test_should_add_and_remove_a_profile_beside_others(tmp_path: Path) -> None:
    settings = Settings(tmp_path / ".env")
    assert settings.profiles(green=True) == "green"
    settings.update(COMPOSE_PROFILES='"logging,monitoring"')
    settings.update(COMPOSE_PROFILES=settings.profiles(green=True))
    assert settings["COMPOSE_PROFILES"] == "logging,monitoring,green"
    assert settings.profiles(green=True) == "logging,monitoring,green"
    assert settings.profiles(green=False) == "logging,monitoring"
