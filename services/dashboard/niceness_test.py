"""Tests that the dashboard gives way to others."""

import os
import subprocess
import sys

import pytest

from services.dashboard.niceness import AUTOGROUP

CODE = f"""
import os
from services.dashboard.niceness import give_way
give_way(3)
print(os.nice(0), open("{AUTOGROUP}").read().split()[-1])
"""


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this system has no groups of sessions")
@pytest.mark.parametrize("own_session", [True, False])
def test_should_give_way_to_other_sessions_if_it_leads_its_own(own_session: bool) -> None:
    before = AUTOGROUP.read_text(encoding="ascii").split()[-1]
    python = [sys.executable, "-c", CODE]
    other_parent = ["sh", "-c", '"$@"; exit $?', "sh"]  # ours may lead a session
    said = subprocess.run(
        python if own_session else [*other_parent, *python],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        start_new_session=own_session,
        text=True,
    )
    assert said.stdout.split() == [f"{os.nice(0) + 3}", "3" if own_session else before]
