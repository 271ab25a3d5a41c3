"""Tests of the commands on a real Redis: what they answer, and what is stored then."""

import gzip
import json
from pathlib import Path

import pytest
import redis

from libs.page_views import reading
from libs.page_views.reading import Count
from libs.page_views.registry import all_sites, find_site
from libs.page_views.tokens import is_permitted
from services.admin.commands.command_line import admin
from services.admin.commands.conftest import Run

SITE = {
    "name": "example.org",
    "zone": "Europe/Paris",
    "public": True,
    "client_limit": 5,
    "site_limit": 0,
    "demo": False,
    "ignored_paths": [],
    "ignored_networks": [],
    "embed_hosts": [],
}


def test_should_register_change_rename_and_remove_a_site(
    run: Run, redis_client: redis.Redis
) -> None:
    settings = "--zone Europe/Paris --public --client-limit 5 --site-limit 0"
    assert json.loads(run(f"sites add Example.org {settings} --json").stdout) == SITE
    (listed,) = json.loads(run("sites list --json").stdout)
    assert listed == {**SITE, "views": 0, "visitors": 0}
    assert "Europe/Paris  public   5             none" in run("sites list").stdout
    assert run("sites set example.org --private").stdout == "example.org is changed\n"
    assert not find_site(redis_client, "example.org").public
    assert run("sites rename example.org b.example").stdout == "example.org is now b.example\n"
    assert run("sites remove b.example", answers="y\n").exit_code == 0
    assert not list(redis_client.scan_iter("v2:{*"))
    assert run("sites list").stdout == "no site is registered\n"


def test_should_replace_and_clear_what_a_site_ignores(run: Run) -> None:
    def settings(options: str) -> tuple[list[str], ...]:
        answer = json.loads(run(f"sites set example.org {options} --json").stdout)
        return answer["ignored_paths"], answer["ignored_networks"], answer["embed_hosts"]

    run("sites add example.org --ignore-path /draft")
    assert settings("--ignore-path /admin/* --ignore-path /b/") == (["/admin/*", "/b"], [], [])
    assert settings("--ignore-network 10.0.0.7 --ignore-network fd00::/8 --private")[1] == [
        "10.0.0.7",
        "fd00::/8",
    ]
    assert settings("--embed-host https://blog.example --ignore-path=") == (
        [],
        ["10.0.0.7", "fd00::/8"],
        ["https://blog.example"],
    )


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--ignore-path admin", "'admin' is no path"),
        ("--ignore-network 10.0.0.1/8", "is no network"),
        ("--embed-host https://blog.example/post", "is no host or origin"),
    ],
)
def test_should_refuse_a_rule_that_is_none(run: Run, option: str, problem: str) -> None:
    run("sites add example.org")
    refused = run(f"sites set example.org {option}")
    assert refused.exit_code == 2
    assert problem in refused.stderr and option.split()[0] in refused.stderr


@pytest.mark.parametrize("answers", ["n\n", ""])
def test_should_ask_before_it_removes(run: Run, redis_client: redis.Redis, answers: str) -> None:
    run("sites add example.org")
    refused = run("sites remove example.org", answers=answers)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-1] == "admin: stopped; what was not confirmed is not done"
    assert list(all_sites(redis_client))
    assert run("sites remove example.org --yes").exit_code == 0
    assert not list(all_sites(redis_client))


def test_should_show_a_token_once(run: Run, redis_client: redis.Redis) -> None:
    # Given
    run("sites add example.org")
    site = find_site(redis_client, "example.org")

    # When
    token = run("tokens add example.org --right read --label", "my laptop").stdout.strip()
    listed = run("tokens list example.org").stdout
    (described,) = json.loads(run("tokens list example.org --json").stdout)

    # Then
    assert is_permitted(redis_client, site, token, "read")
    assert token not in listed and "my laptop" in listed
    assert (described["right"], described["label"]) == ("read", "my laptop")
    assert run(f"tokens revoke example.org {described['id']}").exit_code == 0
    assert not is_permitted(redis_client, site, token, "read")
    assert run("tokens list example.org").stdout == "example.org has no token\n"


def test_should_show_the_link_of_a_shared_site(run: Run, redis_client: redis.Redis) -> None:
    run("sites add example.org")
    site = find_site(redis_client, "example.org")
    printed = run("tokens add example.org --right share").stdout.split()
    made = json.loads(run("tokens add example.org --right share --json").stdout)
    assert is_permitted(redis_client, site, printed[0], "share")
    assert printed[1:] == [f"/dashboard/share/example.org/{printed[0]}/"]
    assert made["path"] == f"/dashboard/share/example.org/{made['token']}/"


def test_should_seed_and_reset_a_page(run: Run, redis_client: redis.Redis) -> None:
    run("sites add example.org")
    site = find_site(redis_client, "example.org")
    assert run("seed example.org --views 5 --path /a --visitors 2").stdout == (
        "/a now has 5 views, and example.org has 5\n"
    )
    assert reading.totals(redis_client, site, "/a") == Count(5, 2)
    run("seed example.org --views 1 --path /%61//b/?utm_source=x")
    assert reading.totals(redis_client, site, "/a/b") == Count(1)
    run("reset example.org --path /a/b/")
    assert run("reset example.org --path /a").stdout == (
        "/a had 5 views and has 0 now; the total of example.org stays 6\n"
    )
    assert reading.totals(redis_client, site, "/a") == Count()
    assert json.loads(run("reset example.org --path /a --json").stdout)["before"]["views"] == 0


def test_should_report_drift(run: Run, redis_client: redis.Redis) -> None:
    # Given
    assert run("check").stdout == "no site is registered\n"
    run("sites add a.example")
    run("sites add b.example")
    assert run("check").stdout == "a.example: all numbers fit\nb.example: all numbers fit\n"

    # When
    key = find_site(redis_client, "a.example").key
    redis_client.hincrby(f"{key}:all", "views", 2)

    # Then
    line = "views: 2, but its parts add up to 0"
    assert run("check a.example").stdout == f"a.example: {line}\n"
    assert run("check a.example").exit_code == 1
    assert json.loads(run("check --json").stdout) == {"a.example": [line], "b.example": []}
    assert run("check b.example").exit_code == 0


def test_should_find_and_remove_what_an_interrupted_change_has_left(
    run: Run, redis_client: redis.Redis
) -> None:
    # Given
    run("sites add a.example")
    redis_client.hset("v2:sites", "b.example", "v2:{9}")
    redis_client.hdel("v2:sites", "a.example")

    # When
    found = run("check")
    cleaned = run("check --clean")

    # Then
    name, site = "the name b.example belongs to no site", "the site v2:{1} has no name"
    assert (found.stdout, found.exit_code) == (f"left over: {name}\nleft over: {site}\n", 1)
    assert (cleaned.stdout, cleaned.exit_code) == (f"left over: {site}\nremoved: {name}\n", 1)
    assert redis_client.exists("v2:{1}"), "a change might be under way"
    assert run("check a.example --clean").exit_code == 2


def fill(run: Run) -> None:
    """Register two sites, the first of them with some views."""
    run("sites add a.example --zone Asia/Kolkata")
    run("seed a.example --views 5 --visitors 2 --path", "/é 1")
    run("tokens add a.example --right send")
    run("sites add b.example")


@pytest.mark.parametrize("compressed", [False, True])
def test_should_carry_sites_over_in_a_file(
    run: Run, redis_client: redis.Redis, tmp_path: Path, compressed: bool
) -> None:
    # Given
    fill(run)
    to_output = run("export").stdout_bytes
    file = tmp_path / ("sites.ndjson.gz" if compressed else "sites.ndjson")

    # When
    said = run(f"export --output {file}")
    redis_client.flushall()
    loaded = run(f"load {file}")

    # Then
    assert said.stdout == f"a.example, b.example: exported to {file}\n"
    assert (gzip.decompress if compressed else bytes)(file.read_bytes()) == to_output
    assert loaded.stdout == "a.example, b.example: loaded\n"
    assert run("export").stdout_bytes == to_output
    assert not said.stderr + loaded.stderr  # no bar, for this is no terminal
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_should_load_twice_without_doubling(run: Run) -> None:
    # Given
    fill(run)
    export = run("export").stdout_bytes

    # Then
    refused = run("load -", answers=export)
    assert refused.exit_code == 1
    assert "give --replace" in refused.stderr
    for _ in range(2):
        assert run("load - --replace --json", answers=export).stdout == (
            '{"loaded": ["a.example", "b.example"]}\n'
        )
        assert run("export").stdout_bytes == export
    assert len(run("export b.example b.example").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "this is no export of Page Tracker: its first line is another"),
        (b"{}", "this is no export of Page Tracker: its first line is another"),
        (b"[]", "this is no export of Page Tracker: its first line is another"),
        (b'{"page_tracker_export": 1, "sites": []}\n{', "line 2 is no JSON"),
        (b"\xff\xff", "line 1 is no JSON"),
        (gzip.compress(b"{}")[:-5], "the file is cut off or damaged"),
        (gzip.compress(b"{}")[:5] + b"damage", "the file is cut off or damaged"),
    ],
)
def test_should_refuse_a_file_that_is_no_export(
    run: Run, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / ("file.gz" if content.startswith(b"\x1f\x8b") else "file")
    file.write_bytes(content)
    refused = run(f"load {file}")
    assert (refused.exit_code, refused.stderr) == (1, f"admin: {message}\n")


def test_should_keep_the_former_file_if_an_export_fails(
    run: Run, redis_client: redis.Redis, tmp_path: Path
) -> None:
    file = tmp_path / "sites.ndjson"
    fill(run)
    run(f"export --output {file}")
    before = file.read_bytes()
    redis_client.hset(f"{find_site(redis_client, 'a.example').key}:2020-01:pages", "/", "many")
    assert run(f"export --output {file}").exit_code == 1
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_should_mark_a_demonstration(run: Run) -> None:
    # Given
    assert "invented views" in run("demo a.example").stdout
    other = json.loads(run("demo b.example --seed 1 --json").stdout)
    views = [site["views"] for site in json.loads(run("sites list --json").stdout)]

    # Then
    assert views[0] != views[1] == other["views"]
    assert "demonstration" in run("sites list").stdout
    assert run("check").exit_code == 0
    assert "registered already" in run("demo a.example").stderr
    assert run("sites remove a.example --yes").exit_code == 0


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ("sites add example.org", 1, "example.org is registered already; choose another"),
        ("sites rename example.org other.org", 1, "other.org is registered already; choose"),
        ("sites set nobody.org --public", 1, "nobody.org is not registered; `sites list` shows"),
        ("sites remove nobody.org", 1, "nobody.org is not registered"),
        ("export nobody.org", 1, "nobody.org is not registered"),
        ("migrate --site nobody.org", 1, "nobody.org is not registered"),
        ("tokens revoke example.org 123", 1, "example.org has no token 123; `tokens list"),
        ("export --output /nowhere/file", 1, "cannot write /nowhere/file: No such file"),
        ("sites set example.org", 2, "nothing is to be changed: give a setting"),
        ("sites add a.org --zone Mars", 2, "'Mars' is no time zone, such as Europe/Paris"),
        ("sites add a.org --zone=", 2, "'' is no time zone"),
        ("sites add a.org --client-limit -1", 2, "-1 is not in the range x>=0"),
        ("seed example.org --views 0", 2, "0 is not in the range"),
        ("reset example.org --path a", 2, "a path begins with /: write /a, not a"),
        ("seed example.org --views 1 --path /\x01", 2, "the path has a control character"),
        ("sites add https://a.org/x", 2, "without scheme, port or path: write a.org, not"),
        ("tokens add example.org --right all", 2, "'all' is not one of 'read', 'send'"),
        ("sites list --data-dir somewhere", 2, "drop it, or unset REDIS_URL"),
        ("load nowhere", 2, "File 'nowhere' does not exist"),
        ("nonsense", 2, "No such command 'nonsense'; see `admin --help`"),
        ("sites add", 2, "Missing argument 'NAME'; see `admin sites add --help`"),
    ],
)
def test_should_say_in_one_line_what_to_do(
    run: Run, command: str, status: int, message: str
) -> None:
    # Given
    run("sites add example.org")
    run("sites add other.org")

    # When
    failed = run(command)

    # Then
    assert failed.exit_code == status
    assert not failed.stdout
    (line,) = failed.stderr.splitlines()
    assert line.startswith("admin: ") and message in line


def test_should_say_that_what_is_stored_is_no_number(run: Run, redis_client: redis.Redis) -> None:
    run("sites add example.org")
    redis_client.set("page_views", "many")
    failed = run("migrate --site example.org")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("admin: a stored number is none: ")


def test_should_say_that_the_storage_is_newer(run: Run, redis_client: redis.Redis) -> None:
    redis_client.set("storage_version", 3)
    failed = run("sites list")
    assert failed.exit_code == 1
    assert failed.stderr == (
        "admin: Redis has data of version 3, and this program knows 2; use a newer one\n"
    )


@pytest.mark.parametrize("command", [[], *([name] for name in admin.commands)])
def test_should_explain_each_command(run: Run, command: list[str]) -> None:
    help_text = run(" ".join([*command, "--help"]))
    assert help_text.exit_code == 0
    assert help_text.stdout.startswith("Usage: admin")


def test_should_show_all_commands_if_none_is_given(run: Run) -> None:
    shown = run("")
    assert shown.exit_code == 2
    assert "Commands:" in shown.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_should_complete_commands_in_a_shell(
    run: Run, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    # Given
    assert f"_ADMIN_COMPLETE={shell}_complete" in run(f"completion {shell}").stdout

    # When
    monkeypatch.setenv("_ADMIN_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", "admin sites re")
    monkeypatch.setenv("COMP_CWORD", "re" if shell == "fish" else "2")
    completed = run("").stdout

    # Then
    assert "rename" in completed and "remove" in completed and "list" not in completed
