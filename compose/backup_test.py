"""Tests that a backup restores the count, and that nothing else can be restored."""

import pytest

from compose.testing import Stack
from libs.processes.testing import wait_until

pytestmark = pytest.mark.timeout(180)  # starting a stack takes long where others start too

BACK_UP = "exec -T redis-service redis-backup"
RESTORE = "run --rm -T redis-service redis-restore"


def test_should_go_on_with_the_next_number_in_an_empty_stack(stack: Stack) -> None:
    # Given
    views = stack.view()
    backup = stack.run(BACK_UP).stdout
    stack.view()
    stack.remove()

    # When
    for damaged in (b"", b"no backup", backup[:-1], backup + b"more"):
        refused = stack.run(RESTORE, damaged)
        assert refused.returncode == 1
        assert b"redis-restore: nothing is restored, because" in refused.stderr
    restored = stack.run(RESTORE, backup)
    stack.up()

    # Then
    assert restored.returncode == 0, restored.stderr
    assert stack.view() == views + 1
    stack.docker.compose.kill(["redis-service"])
    stack.up()
    stack.wait_until_ready()
    assert stack.view() == views + 2


def test_should_back_up_no_salt(stack: Stack) -> None:
    # Given
    views = stack.view()
    stack.answer("operator", "set v2:{1}:salt:2026-11-25 secret-of-visitors ex 1000")

    # When
    backup = stack.run(BACK_UP).stdout

    # Then
    assert b"page_views" in backup
    assert b"secret-of-visitors" not in backup
    assert stack.answer("operator", "get v2:{1}:salt:2026-11-25") == "secret-of-visitors\n"
    assert stack.view() == views + 1


def test_should_remove_a_deleted_salt_from_the_append_only_file(stack: Stack) -> None:
    # Given
    in_file = "exec -T redis-service grep --recursive secret-of-visitors /data/appendonlydir"
    stack.answer("operator", "set v2:{1}:salt:2026-11-25 secret-of-visitors")
    stack.answer("operator", "del v2:{1}:salt:2026-11-25")
    assert stack.run(in_file).returncode == 0

    # When
    stack.run(BACK_UP)

    # Then
    wait_until(lambda: stack.run(in_file).returncode == 1, "a rewritten file")


def test_should_not_restore_over_data(stack: Stack) -> None:
    views = stack.view()
    refused = stack.run(RESTORE, stack.run(BACK_UP).stdout)
    assert refused.returncode == 1
    assert b"because redis-volume has data" in refused.stderr
    assert stack.view() == views + 1


def test_should_say_when_there_is_no_backup(stack: Stack) -> None:
    stack.answer("operator", "acl setuser operator -sync")
    failed = stack.run(BACK_UP)
    stack.answer("operator", "acl load")
    assert failed.returncode != 0
    assert failed.stdout == b""
