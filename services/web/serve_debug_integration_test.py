"""Tests of serve.py with --debug."""

import shutil
import signal
from pathlib import Path

from services.web.testing import tracker


def test_should_show_an_edit_at_the_next_reload_until_ctrl_c(data_dir: Path) -> None:
    # Given
    repository = data_dir / "repository"
    for name in ("libs", "services"):
        shutil.copytree(name, repository / name)
    app = repository / "services/web/app.py"
    with tracker(f"--data-dir={data_dir}", "--debug", repository=repository) as started:
        started.view_until("This page has been seen")

        # When
        app.write_text(app.read_text().replace("has been seen", "was seen"))

        # Then
        started.view_until("This page was seen")
        assert started.stop(signal.SIGINT) == 0
