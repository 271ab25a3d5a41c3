"""Tests of what .pants.bootstrap exports, with ./pants and with the official launcher."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pants_testing import PANTS, Machine, make_machine, with_pythons

# The only variables that .pants.bootstrap may export.
EXPORTS = set(
    "DEPLOYMENT_IMAGES GIT_COMMIT GIT_SOURCE GIT_TIME IMAGE_PREFIX SERVED_SERVICES"
    " SOURCE_DATE_EPOCH".split()
)

# Signs and verifies anything.
GPG = """#!/usr/bin/env bash
cat >/dev/null
printf '[GNUPG:] SIG_CREATED x\\n[GNUPG:] GOODSIG x us\\nGood signature\\n' >&2
printf -- '-----BEGIN PGP SIGNATURE-----\\n\\n-----END PGP SIGNATURE-----\\n'
"""

GIT_CONFIG = """
[log]
    showSignature = true
    date = relative
[gpg]
    program = {gpg}
[color]
    ui = always
[core]
    pager = cat -n
[format]
    pretty = fuller
[url "ssh://git@elsewhere.example/"]
    insteadOf = https://host.example/
"""


@pytest.fixture(name="machine", params=["own launcher", "official launcher"])
def _machine(tmp_path: Path, request: pytest.FixtureRequest) -> Machine:
    """Return a machine with Git and Pants, be it through ./pants or the official launcher."""
    machine = with_pythons(make_machine(tmp_path))
    machine.official = request.param == "official launcher"
    machine.put_on_path("pants", PANTS)
    machine.put_on_path("git", Path(shutil.which("git") or "git"))
    machine.pretend_to_install()
    return machine


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("https://user:p@ss@host.example/us/tracker.git", "https://host.example/us/tracker"),
        ("https://host.example:8443/us/tracker", "https://host.example:8443/us/tracker"),
        ("git@host.example:us/tracker.git", "https://host.example/us/tracker"),
        ("ssh://git@host.example:22/us/tracker", "https://host.example/us/tracker"),
        ("/home/us/tracker", "unknown"),
    ],
)
def test_should_say_what_images_are_made_from(machine: Machine, remote: str, source: str) -> None:
    # Given
    machine.git("init --quiet")
    machine.git(f"remote add origin {remote}")
    machine.git("commit --quiet --allow-empty --message=one")

    # When
    exports = machine.exports("GIT_SOURCE GIT_TIME SOURCE_DATE_EPOCH GIT_COMMIT", "list", "::")

    # Then
    *labels, commit = exports
    assert labels == [source, "2026-01-02T02:04:05Z", "1767319445"]
    assert len(commit) == 40


def test_should_see_the_same_whatever_the_user_configured_for_git(machine: Machine) -> None:
    # Given
    machine.put_on_path("gpg", GPG)
    machine.git("init --quiet")
    machine.git("remote add origin https://host.example/us/tracker")
    machine.git(f"-c gpg.program={machine.root}/bin/gpg commit -S --quiet --allow-empty -m one")
    names = "GIT_COMMIT GIT_SOURCE GIT_TIME SOURCE_DATE_EPOCH"
    before = machine.exports(names, "list", "::")

    # When
    (machine.home / ".gitconfig").write_text(GIT_CONFIG.format(gpg=machine.root / "bin/gpg"))
    after = machine.exports(names, "list", "::")

    # Then
    assert "unknown" not in before
    assert after == before


def test_should_not_take_an_archive_for_the_repository_around_it(machine: Machine) -> None:
    machine.git("init --quiet", directory=".")
    machine.git("commit --quiet --allow-empty --message=one", directory=".")
    outside = machine.exports("GIT_COMMIT GIT_TIME SOURCE_DATE_EPOCH", "package", "::")
    machine.environment["GIT_DIR"] = str(machine.root / ".git")
    misled = machine.exports("GIT_COMMIT GIT_TIME SOURCE_DATE_EPOCH", "package", "::")
    assert outside == misled == ["unknown", "1970-01-01T00:00:00Z", "0"]


def test_should_know_the_commit_of_a_worktree(machine: Machine) -> None:
    machine.git("init --quiet origin", directory=".")
    machine.git("commit --quiet --allow-empty --message=one", directory="origin")
    machine.git("worktree add --quiet --detach ../worktree", directory="origin")
    shutil.move(machine.root / "worktree/.git", machine.clone)
    (commit,) = machine.exports("GIT_COMMIT", "package", "::")
    assert commit == machine.git("rev-parse HEAD", directory="origin").strip()


def test_should_say_why_a_clone_of_another_user_is_unknown(machine: Machine) -> None:
    # Given
    machine.git("init --quiet")
    machine.environment |= {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "SHOW": "GIT_COMMIT"}

    # When
    listed = machine.run("list", "::")
    packaged = machine.run("package", "::")

    # Then
    assert listed == (0, "unknown\n", [])
    assert packaged[:2] == (0, "unknown\n")
    (line,) = packaged[2]
    assert line.startswith('pants: the images will be labelled "unknown", since Git refuses')
    assert "dubious ownership" in line


@pytest.mark.parametrize(
    ("variable", "specs"),
    [
        ("END_TO_END_TESTS", ["tests_e2e::", "tests_e2e/page_test.py", "//tests_e2e:tests"]),
        ("STACK_TESTS", ["compose::", "compose/stack_test.py", "//compose:tests"]),
    ],
)
def test_should_let_tests_of_a_deployment_run_anew_when_they_are_named(
    machine: Machine, variable: str, specs: list[str]
) -> None:
    # When
    unnamed = [
        machine.exports(variable, "test", *words)[0] for words in (["::"], ["::", "--", specs[0]])
    ]
    named = [machine.exports(variable, "test", spec)[0] for spec in specs]
    own_values = []
    for value in ("mine", ""):
        machine.environment[variable] = value
        own_values += machine.exports(variable, "test", specs[0])

    # Then
    assert unnamed == ["None", "None"]
    assert "None" not in named
    assert len(set(named)) == len(specs)
    assert own_values == ["mine", ""]


@pytest.mark.parametrize(
    ("variable", "specs"),
    [
        ("BROWSER_TESTS", ["libs/x/it_browser_test.py", "libs/x/it_browser_test.py:browser"]),
        (
            "SLOW_TESTS",
            [
                "build_support::",
                "build_support/macros_test.py",
                "libs/area/it_slow_test.py",
                "pants_test.py",
                "pants_bootstrap_test.py",
            ],
        ),
    ],
)
def test_should_let_tests_run_when_they_are_named(
    machine: Machine, variable: str, specs: list[str]
) -> None:
    values = [machine.exports(variable, "test", spec) for spec in ("::", "libs/x::", *specs)]
    assert values == 2 * [["None"]] + len(specs) * [["all"]]


@pytest.mark.parametrize(
    ("arguments", "directory"),
    [
        ("run services/web:serve -- --port=0", "{clone}/.pids/run/services-web-serve"),
        ("--no-pantsd run services/web:serve", "{clone}/.pids/run/services-web-serve"),
        ("run services/admin -- sites list", "{clone}/.pids/run/services-admin"),
        ("test services/web:", "None"),
        ("test services/web: -- run", "None"),
        ("list .ci/run", "None"),
    ],
)
def test_should_give_run_a_daemon_of_its_own(
    machine: Machine, arguments: str, directory: str
) -> None:
    exports = machine.exports("PANTS_SUBPROCESSDIR", *arguments.split())
    assert exports == [directory.format(clone=machine.clone)]


def test_should_give_run_an_environment_that_pants_finds(machine: Machine) -> None:
    name = "PANTS_PYTHON_RUN_AGAINST_ENTIRE_LOCKFILE"
    assert machine.exports(name, "run", "services/web:serve") == ["false"]
    assert machine.exports(name, "test", "services/web:") == ["None"]


def test_should_leave_the_daemon_of_run_to_who_chose_one(machine: Machine) -> None:
    machine.environment["PANTS_SUBPROCESSDIR"] = "mine"
    assert machine.exports("PANTS_SUBPROCESSDIR", "run", "services/web:serve") == ["mine"]


def test_should_find_what_images_are_made_of(machine: Machine) -> None:
    for directory in ("services/web", "services/admin", "services/plain", "tests_e2e", "libs/x"):
        (machine.clone / directory).mkdir(parents=True)
        if directory != "services/plain":
            (machine.clone / directory / "Dockerfile").touch()
    exports = machine.exports("DEPLOYMENT_IMAGES", "list", "::")
    assert exports == ["services/admin services/web tests_e2e"]


def test_should_find_what_is_served(machine: Machine) -> None:
    for directory in ("services/web", "services/admin", "services/hello", "libs/x"):
        (machine.clone / directory).mkdir(parents=True)
        if directory != "services/admin":
            (machine.clone / directory / "serve.py").touch()
    exports = machine.exports("SERVED_SERVICES", "list", "::")
    assert exports == ["services/hello services/web"]


def test_should_leave_no_helper_behind(machine: Machine) -> None:
    # When
    names = "compgen -v; compgen -A function"
    script = f"before=$({names}); source .pants.bootstrap; echo $before; echo; echo $({names})"
    run = subprocess.run(
        ["bash", "-c", script], cwd=machine.clone, stdout=subprocess.PIPE, check=True, text=True
    )

    # Then
    before, after = (set(names.split()) for names in run.stdout.split("\n\n"))
    new = after - before - {"before", "PIPESTATUS", "BASH_REMATCH", "XDG_CACHE_HOME"}
    assert new <= EXPORTS


@pytest.mark.parametrize("value", ["", "cache"])
def test_should_ignore_a_cache_directory_that_is_not_absolute(machine: Machine, value: str) -> None:
    machine.environment["XDG_CACHE_HOME"] = value
    exports = machine.exports("XDG_CACHE_HOME", "list", "::")
    assert exports == ["None"]
    assert not list(machine.clone.rglob("cache"))
    assert (machine.home / ".cache/pants/named_caches/mypy_cache").is_dir()
