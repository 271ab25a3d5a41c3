"""Tests of the script that updates the list of referrer spammers."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from build_support.testing import commit, git, write

SCRIPT = "build_support/locks/update_referrer_spammers.sh"


def test_should_take_the_committed_list_and_note_its_version_and_checksum(tmp_path: Path) -> None:
    # Given a clone with a list, edited after the commit
    repository = tmp_path / "repository"
    (repository / "libs/page_views").mkdir(parents=True)
    (repository / SCRIPT).parent.mkdir(parents=True)
    for path in (SCRIPT, "build_support/lib.sh"):
        shutil.copy(path, repository / path)
    clone = tmp_path / "clone"
    hosts = "bad.example\nWorse.example\n"
    write(clone / "spammers.txt", hosts)
    git(clone, "init", "--quiet")
    commit(clone)
    git(clone, "tag", "4.0.5")
    write(clone / "spammers.txt", "not.committed.example\n")

    # When
    subprocess.run([repository / SCRIPT, "clone"], cwd=tmp_path, check=True)

    # Then
    text = (repository / "libs/page_views/referrer_spammers.txt").read_text(encoding="utf-8")
    _, version, checksum, below = text.split("\n", 3)
    assert version == "# version: 4.0.5"
    assert below == hosts
    assert checksum.split()[-1] == hashlib.sha256(hosts.encode()).hexdigest()
