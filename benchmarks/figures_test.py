"""Tests that figures are compared round by round, and published without loss."""

from pathlib import Path
from xml.etree import ElementTree

from benchmarks.comparison import BARE_SCRIPT
from benchmarks.figures import Case, Run, rate, ratio, read, write
from benchmarks.throughput_chart import chart
from benchmarks.web_servers import EMPTY, OURS, TUTORIAL, TUTORIAL_2

PAGE, OTHER = Case(OURS, "always", 16), Case(TUTORIAL, "always", 16)


def runs_of(*rates: float) -> list[Run]:
    """Return runs with these requests per second."""
    return [Run(each, 2.5, 0, web_cpu_us=300, redis_cpu_us=20, used_elsewhere=0) for each in rates]


def test_should_compare_runs_of_the_same_round() -> None:
    runs = {PAGE: runs_of(30, 300, 3000), OTHER: runs_of(10, 50, 3000)}
    assert ratio(runs, PAGE, OTHER, rate) == 3


def test_should_read_what_was_written(tmp_path: Path) -> None:
    runs = {PAGE: runs_of(30.5, 300), OTHER: runs_of(10, 50)}
    write(tmp_path / "runs.json", {"cores": 2, "outages": [{"seconds": 0.5}]}, runs)
    assert read(tmp_path / "runs.json") == runs


def test_should_draw_every_server_in_every_panel() -> None:
    servers, panels = (OURS, TUTORIAL, TUTORIAL_2, EMPTY, BARE_SCRIPT), ("always", "everysec")
    runs = {
        Case(server, panel, connections): runs_of(1000, 2000)
        for server in servers
        for panel in panels
        for connections in (1, 16)
    }
    image = ElementTree.fromstring(chart(runs, panels, (1, 16)))
    curves = image.findall("{*}path[@stroke-width]")
    assert len(curves) == len(servers) * len(panels)
    assert set(servers) < {text.text for text in image.findall("{*}text")}
