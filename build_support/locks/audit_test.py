"""Tests that an audit fails when it cannot look for vulnerabilities."""

import os
import subprocess

NOBODY_LISTENS = "http://127.0.0.1:1"


def test_should_be_red_when_it_cannot_look() -> None:
    # Given
    environment = dict(os.environ, HTTPS_PROXY=NOBODY_LISTENS, https_proxy=NOBODY_LISTENS)
    locks = "build_support/locks"
    subprocess.run([f"{locks}/run_tool.sh", "pip-audit", "--version"], check=True)

    # When
    audit = subprocess.run(
        [f"{locks}/audit_locks.sh", "3rdparty/python/isort.lock"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )

    # Then
    assert audit.returncode == 1
    assert "No known vulnerabilities" not in audit.stdout + audit.stderr
