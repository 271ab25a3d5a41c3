"""Tests of the commands for accounts, and that commands record what they change."""

import json
from pathlib import Path

import pytest
import redis

from libs.accounts.accounts import all_accounts, find_account
from libs.accounts.audit import COMMAND_LINE, recent_changes
from libs.accounts.links import FIRST_LINK_PATH, name_of_link
from libs.accounts.passwords import is_password
from libs.accounts.sessions import standing
from services.admin.commands.conftest import Run

PASSWORD = "correct horse battery"
TWICE = f"{PASSWORD}\n{PASSWORD}\n"


def test_should_add_list_and_remove_accounts(run: Run, redis_client: redis.Redis) -> None:
    # Given
    assert "there is no account" in run("accounts list").stdout
    added = run("accounts add Ada", answers=TWICE)

    # Then
    assert added.stdout == "ada may sign in to the dashboard now\n"
    account = find_account(redis_client, "ada")
    assert is_password(account.password_hash, PASSWORD)
    listed = run("accounts list")
    assert listed.stdout.splitlines()[1].startswith("ada   20")
    (described,) = json.loads(run("accounts list --json").stdout)
    assert described == {"name": "ada", "created": account.created}
    assert PASSWORD not in added.output and account.password_hash not in listed.output
    assert run("accounts remove ada").stdout == "ada has no account any more\n"
    assert not all_accounts(redis_client)


def test_should_read_a_password_from_a_file_or_standard_input(
    run: Run, redis_client: redis.Redis, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD} ünï\r\nmore", encoding="utf-8")
    run(f"accounts add ada --password-file {file}")
    assert is_password(find_account(redis_client, "ada").password_hash, f"{PASSWORD} ünï")
    done = run("accounts password ada --password-file - --json", answers=PASSWORD)
    assert json.loads(done.stdout)["name"] == "ada"
    assert is_password(find_account(redis_client, "ada").password_hash, PASSWORD)


def test_should_end_sessions(run: Run, redis_client: redis.Redis) -> None:
    # Given
    run("accounts add ada", answers=TWICE)
    generations = {find_account(redis_client, "ada").generation}
    secret = standing(redis_client, "", "").secret

    # Then
    assert run("accounts sign-out ada").stdout == "ada is signed out everywhere\n"
    generations.add(find_account(redis_client, "ada").generation)
    run("accounts password ada", answers=TWICE)
    generations.add(find_account(redis_client, "ada").generation)
    assert len(generations) == 3
    assert standing(redis_client, "", "").secret == secret
    assert run("accounts sign-out --all").stdout == "everybody is signed out everywhere\n"
    assert standing(redis_client, "", "").secret != secret


def test_should_print_links(
    run: Run, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DASHBOARD_URL", raising=False)
    said = run("accounts link")
    assert "set DASHBOARD_URL" in said.stderr
    path, token = said.stdout.strip().split("?token=")
    assert (path, name_of_link(redis_client, token)) == (FIRST_LINK_PATH, "")
    run("accounts add ada", answers=TWICE)
    _, token = json.loads(run("accounts link ada --json").stdout)["path"].split("?token=")
    assert name_of_link(redis_client, token) == "ada"
    assert token not in repr(recent_changes(redis_client))
    monkeypatch.setenv("DASHBOARD_URL", "https://stats.example/")
    said = run("accounts link ada")
    assert said.stdout.startswith(f"https://stats.example{FIRST_LINK_PATH}?token=")
    assert not said.stderr


def test_should_record_what_is_changed_and_by_whom(run: Run, redis_client: redis.Redis) -> None:
    # Given
    expected = {
        "sites add a.example": ("a.example", "registered the site"),
        "sites set a.example --ignore-path /b --ignore-path /c": (
            "a.example",
            "set ignored_paths to 2 lines",
        ),
        "sites set a.example --public --client-limit 7": (
            "a.example",
            "set public to 1, client_limit to 7",
        ),
        "tokens add a.example --right read --label x": ("a.example", "made a token to read, x"),
        "seed a.example --views 1234 --path /b": (
            "a.example",
            "added 1,234 earlier views and 0 visitors to /b",
        ),
        "reset a.example --path /b": (
            "a.example",
            "set /b back to 0, which had 1,234 views",
        ),
        "sites rename a.example b.example": ("b.example", "renamed the site from a.example"),
        "sites remove b.example --yes": ("b.example", "removed the site and its 1,234 views"),
        "migrate": ("", "brought the storage from version 1 to 2"),
        "accounts link": ("", "made a link to set the password of the first account"),
    }

    # When
    for command in expected:
        run(command)
        for reading in ("sites list", "accounts list", "check", "sites add !"):
            run(reading)

    # Then
    changes = recent_changes(redis_client)[::-1]
    assert [(each.site, each.what) for each in changes] == list(expected.values())
    assert {each.who for each in changes} == {COMMAND_LINE}


@pytest.mark.parametrize(
    ("command", "answers", "failure"),
    [
        ("accounts add ada", TWICE, (1, "ada has an account already; choose another name, or set")),
        ("accounts add bob", "short\nshort\n", (1, "a password has at least 10 characters")),
        ("accounts add bob", f"{PASSWORD}\n", (1, "what was not confirmed is not done")),
        ("accounts add bob --password-file nowhere", "", (2, "'nowhere': No such file")),
        ("accounts add bob --password-file -", b"\xff\n", (1, "is not UTF-8")),
        ("accounts add no/name", "", (2, "has at most 64 letters")),
        ("accounts remove bob", "", (1, "bob has no account; `accounts list` shows")),
        ("accounts password bob", "", (1, "bob has no account; `accounts list` shows")),
        ("accounts sign-out bob", "", (1, "bob has no account; `accounts list` shows")),
        ("accounts sign-out", "", (2, "give either the name of an account or --all")),
        ("accounts sign-out ada --all", "", (2, "give either the name of an account or --all")),
        (
            "accounts link",
            "",
            (2, "there are accounts already: name the one that needs a password"),
        ),
        ("accounts link bob", "", (1, "bob has no account; `accounts list` shows")),
    ],
)
def test_should_say_what_is_wrong(
    run: Run, redis_client: redis.Redis, command: str, answers: str, failure: tuple[int, str]
) -> None:
    status, message = failure
    run("accounts add ada", answers=TWICE)
    before = all_accounts(redis_client)
    failed = run(command, answers=answers)
    assert (failed.exit_code, failed.stdout) == (status, "")
    assert message in failed.stderr.splitlines()[-1]
    assert all_accounts(redis_client) == before
