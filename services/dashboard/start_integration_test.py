"""Tests of what the image says at its start."""

import json
import os
import re
import subprocess
import sys

import pytest
import redis

from libs.accounts.accounts import add_account
from libs.accounts.links import name_of_link

LINK = r"Make the first account, within an hour: https://a\.example/dashboard/first-account\?token="


def test_should_print_a_link_until_there_is_an_account(
    redis_client: redis.Redis, redis_url: str
) -> None:
    variables = {"REDIS_URL": redis_url, "DASHBOARD_URL": "https://a.example"}
    said = started(**variables)
    add_account(redis_client, "ada", "a hash")
    assert started(**variables).stdout == ""
    redis_client.delete("v2:accounts")
    link = re.fullmatch(rf"{LINK}(\S+)\n", said.stdout)
    assert link and name_of_link(redis_client, link[1]) == ""
    assert said.stderr == ""


def test_should_look_for_accounts_where_settings_are(redis_url: str) -> None:
    said = started(SETTINGS_REDIS_URL=redis_url, REDIS_URL="redis://127.0.0.1:1")
    assert "http://localhost:8000/dashboard/first-account?token=" in said.stdout


def test_should_say_in_one_line_that_redis_is_away() -> None:
    said = started(REDIS_URL="redis://127.0.0.1:1")
    line = json.loads(said.stdout)
    assert (line["level"], line["service"]) == ("warning", "dashboard")
    assert line["event"].startswith("Redis cannot be reached (")
    assert said.stderr == ""


@pytest.mark.parametrize(
    "variable", ["REDIS_URL", "SETTINGS_REDIS_URL", "TRUSTED_PROXIES", "PROMETHEUS_URL"]
)
def test_should_say_in_one_line_which_variable_is_invalid(variable: str) -> None:
    said = started(**{variable: "x"})
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1].startswith(f"dashboard: {variable} must be")


def started(**environment: str) -> subprocess.CompletedProcess[str]:
    """Return what the image's program did with these variables, up to when it would serve."""
    return subprocess.run(
        [sys.executable, "-m", "services.dashboard", "--check-config"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        check=False,
        capture_output=True,
        text=True,
    )
