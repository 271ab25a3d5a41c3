"""Look at pages of the dashboard in a real browser, and find what is wrong with them.

Playwright is a tool, not a package of the code: it brings a Node of 125 MB. run_tool.sh installs
it on first use.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from libs.processes.browser_testing import chromium
from services.dashboard.testing import PASSWORD

INSTALL = ("build_support/locks/run_tool.sh", "--path", "playwright")

SCREENSHOTS_VARIABLE = "SCREENSHOTS_DIR"
"""The directory that keeps what the browser showed; without it, nothing is kept."""

WIDTHS = (320, 1200)
"""How wide the window is, in pixels."""

# What moved after it was shown, as HTML without its content.
_MOVED = """() => new Promise((resolve) => {
  const moved = [];
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries())
      moved.push(...sources.map(
        ({ node }) => node?.cloneNode().outerHTML ?? node?.textContent ?? "what is gone"
      ), `a score of ${value}`);
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => resolve(moved)));
})"""


class Visitor:
    """Somebody who looks at pages; problems has a sentence for all that went wrong meanwhile."""

    def __init__(self, page: Any, url: str, axe: Any) -> None:
        self.page = page
        """Playwright's Page."""
        self.problems: list[str] = []
        self._url = url
        self._axe = axe
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.problems.append(f"a script failed: {error}"))
        page.on("request", self._see)

    def look_at(self, path: str, name: str) -> None:
        """Open a page, and fail if anything is wrong with it, in light and dark, narrow and wide.

        The page must need no other host, log no error, move nothing that it has shown, fit into
        the window and have no violation that axe finds. name is that of its screenshots.
        """
        self.go_to(path)
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)
                self._keep_screenshot(f"{name}-{width}-{scheme}")
                self._check_accessibility(f"{path} in {scheme}, {width} pixels wide")
            if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self.problems.append(f"{path} is wider than {width} pixels")
        assert not self.problems, "\n".join(self.problems)

    def use_first_link(self, path: str) -> None:
        """Make the first account by a one-time link, which signs in."""
        self.go_to(path)
        self.page.get_by_label("Name").fill("ada")
        for field in self.page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        self.page.get_by_role("button", name="Make the account").click()
        self.page.get_by_role("button", name="Sign out").wait_for()

    def go_to(self, path: str) -> None:
        """Open a page; note if that fails or if it moves what it has shown."""
        answer = self.page.goto(self._url + path)
        if answer.status != 200:
            self.problems.append(f"{path} has status {answer.status}")
        for moved in self.page.evaluate(_MOVED):
            self.problems.append(f"{path} moves what it has shown: {moved}")

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"the console says: {message.text}")

    def _see(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self._url).netloc:
            self.problems.append(f"a page asks another host: {request.url}")

    def _check_accessibility(self, where: str) -> None:
        for each in self._axe.run(self.page).response["violations"]:
            elements = "; ".join(node["html"] for node in each["nodes"])
            self.problems.append(f"axe finds {each['id']} on {where}: {elements}")

    def _keep_screenshot(self, name: str) -> None:
        if directory := os.environ.get(SCREENSHOTS_VARIABLE):
            self.page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


@contextmanager
def visitor(url: str, **options: object) -> Iterator[Visitor]:
    """Yield a visitor of the dashboard at url with a new browser, which ends with the context.

    options are those of a context of Playwright, such as java_script_enabled=False.
    """
    playwright, axe = _driver()
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox"],  # the user may be root, and all pages are ours
        )
        context = browser.new_context(reduced_motion="reduce", **options)
        try:
            yield Visitor(context.new_page(), url, axe.Axe())
        finally:
            browser.close()


def _driver() -> tuple[Any, Any]:
    """Return the modules of Playwright and axe. Their packages have no code for one Python only."""
    run = subprocess.run(INSTALL, check=True, stdout=subprocess.PIPE, text=True)
    (packages,) = Path(run.stdout.strip()).parents[1].glob("lib/python3.*/site-packages")
    if str(packages) not in sys.path:
        sys.path.append(str(packages))  # after our own, such as greenlet
    return (
        import_module("playwright.sync_api"),
        import_module("axe_playwright_python.sync_playwright"),
    )
