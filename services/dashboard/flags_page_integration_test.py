"""Tests of the page of feature flags."""

import json
import re
import time
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from libs.feature_flags.experiments import experiment_path
from libs.page_views.recording import Recorder, View
from libs.page_views.registry import Site, add_site
from libs.page_views.visitors import Client
from services.dashboard.guard import ROOT

URL = f"{ROOT}/flags"


def text_of(client: FlaskClient) -> str:
    """Return the text of the page, with single and plain spaces."""
    answer = client.get(URL)
    assert answer.status_code == 200
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main.partition(">")[2])).split())


@pytest.fixture(name="file")
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "flags.json"
    monkeypatch.setenv("FLAGS_FILE", str(file))
    return file


def write(file: Path, **more: Any) -> None:
    """Write a file with one flag."""
    definition = {
        "state": "ENABLED",
        "variants": {"a": "a", "b": "b"},
        "defaultVariant": "a",
        "targeting": {"fractional": [["b", 10], ["a", 30]]},
        "metadata": {"description": "Which <text> is shown"},
    }
    file.write_text(json.dumps({"flags": {"text": {**definition, **more}}}))


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "a 75.0 % b 25.0 %"),
        ({"targeting": {}}, "a 100.0 % b 0.0 %"),
        ({"targeting": {"if": [True, "a"]}}, "A rule of the file chooses the variant of a site."),
        ({"state": "DISABLED"}, "It is disabled: the default of the code applies."),
        ({"metadata": {"site": "gone.example"}}, "The site gone.example, which is to count the"),
        ({"state": "on"}, "cannot be used: the state of text is 'on'; write ENABLED or DISABLED."),
    ],
)
def test_should_show_what_the_file_says(
    client: FlaskClient, file: Path, more: dict[str, Any], text: str
) -> None:
    write(file, **more)
    shown = text_of(client)
    assert text in shown
    assert "Which <text> is shown" in shown or more.keys() & {"metadata", "state"}


@pytest.mark.usefixtures("file")
def test_should_say_that_there_is_no_file(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cannot be used: it cannot be read: No such file or directory." in text_of(client)
    monkeypatch.delenv("FLAGS_FILE")
    assert "FLAGS_FILE names no file here" in text_of(client)


def test_should_show_the_outcome_of_an_experiment(
    client: FlaskClient, redis_client: redis.Redis, file: Path
) -> None:
    # Given
    site = add_site(redis_client, "tracker.example")
    write(file, metadata={"description": "", "site": site.name})
    assert "a 75.0 % 0 0 – b 25.0 % 0 0 –" in text_of(client)

    # When
    visit(redis_client, site, "a", visitors=80, reached=48)
    visit(redis_client, site, "b", visitors=70, reached=56)

    # Then: Newcombe (1998), table II, method 10
    shown = text_of(client)
    assert "a 75.0 % 80 80 48 (60.0 %) b 25.0 % 70 70 56 (80.0 %)" in shown
    assert (
        "Against a , b makes a difference of +20.0 percentage points; with 95 % confidence, it is "
        "from +5.2 to +33.4. That is more than chance."
    ) in shown
    assert "Counted on tracker.example , each visitor once a day." in shown


def test_should_not_count_who_came_to_the_goal_by_another_way(
    client: FlaskClient, redis_client: redis.Redis, file: Path
) -> None:
    site = add_site(redis_client, "tracker.example")
    write(file, metadata={"site": site.name})
    for variant in ("a", "b"):
        visit(redis_client, site, variant, visitors=2, reached=3)
    shown = text_of(client)
    assert "a 75.0 % 2 2 2 (100.0 %) b 25.0 % 2 2 2 (100.0 %)" in shown
    assert "of +0.0 percentage points; with 95 % confidence, it is from −65.8 to +65.8." in shown
    assert "That may be chance." in shown


def visit(client: redis.Redis, site: Site, variant: str, visitors: int, reached: int) -> None:
    """Record one view of a variant by each visitor, and of its goal by some."""
    for goal, number in ((False, visitors), (True, reached)):
        path = experiment_path("text", variant, goal)
        views = [View(path, time.time(), Client(b"", f"{variant}{i}")) for i in range(number)]
        Recorder(client).record(site.name, views, limited=False)
