"""Embed the tracker in pages that a test writes, and let a real browser view them.

No driver controls the browser: the pages act by their own scripts. Playwright would switch off the
back-forward cache and keep prerendered pages from running.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, unquote

from libs.processes.testing import wait_until
from services.web.pixel import PIXEL_GIF
from services.web.tracker import TRACKER_JS

BROWSER_SECONDS = 30
"""How long a browser may take to start and to view all pages of a test."""

_FLAGS = (
    "--headless",
    "--no-sandbox",  # the user may be root, and all pages are ours
    "--disable-background-networking",
    "--disable-features=HttpsUpgrades",
    "--disable-gpu",
    "--no-first-run",
)

_PAGE = """\
<!doctype html>
<title>{title}</title>
<script>
const say = (text) => {{
  new Image().src = "http://stats.shop.example/said?" + encodeURIComponent(text);
}};
const until = (name) => new Promise((then) => addEventListener(name, then, {{ once: true }}));
const push = (path) => history.pushState(null, "", path);
const heard = (text) => fetch("/heard?" + encodeURIComponent(text));
</script>
{head}
<script async src="http://stats.shop.example/tracker.js" data-site="shop"
  {attributes}></script>
<body>{body}
<script>onload = async () => {{ {script} }};</script>
"""


class Site:
    """The pages of www.shop.example, and what the tracker in them has sent, by its nonce.

    Each page has a script that runs when the page and the tracker have been loaded. The last script
    must call say("done"). A script may push("/path"), await until("popstate") and other events, and
    await heard("words") that another page says.
    """

    def __init__(self, directory: Path) -> None:
        self.views: dict[str, dict[str, str]] = {}
        self.said: list[str] = []
        self._directory = directory
        self._pages: dict[str, str] = {}

    def page(
        self, path: str, script: str = "", *, head: str = "", body: str = "", attributes: str = ""
    ) -> None:
        """Add a page that embeds the tracker with these attributes."""
        self._pages[path] = _PAGE.format(
            title=path, head=head, body=body, script=script, attributes=attributes
        )

    def visit(self, path: str, *flags: str, views: int, host: str = "www.shop.example") -> None:
        """Open a page in a new browser until the pages are done and so many views have arrived."""

        def done() -> bool:
            return "done" in self.said and len(self.views) >= views

        with _serve(self) as port:
            ours = ("*.example", "*localhost", "127.0.0.2")
            rules = [*(f"MAP {name} 127.0.0.1:{port}" for name in ours), "MAP * ~NOTFOUND"]
            command = [
                _browser(),
                *_FLAGS,
                f"--user-data-dir={self._directory}",
                f"--host-resolver-rules={','.join(rules)}",
                *flags,
                f"http://{host}{path}",
            ]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
                try:
                    wait_until(done, f"{views} views and the end", BROWSER_SECONDS)
                finally:
                    process.terminate()

    @property
    def paths(self) -> list[str]:
        """Return the paths of all views, sorted, because they may overtake each other."""
        return sorted(view["path"] for view in self.views.values())

    def view_of(self, path: str) -> dict[str, str]:
        """Return the only view of a path."""
        (view,) = [view for view in self.views.values() if view["path"] == path]
        return view

    def record(self, view: dict[str, str], headers: Message, url: str) -> None:
        """Record a view, as the service would: the first of those with the same nonce."""
        transport = {
            "url": f"http://{headers['Host']}{url}",
            "type": headers.get("Content-Type", ""),
            "purpose": headers.get("Sec-Purpose", ""),
            "cookie": headers.get("Cookie", ""),
        }
        self.views.setdefault(view.pop("nonce"), {**view, **transport})

    def answer(self, url: str, headers: Message) -> tuple[str, bytes] | None:
        """Return the media type and body of what is at a URL, or None if nothing is."""
        path, _, query = url.partition("?")
        match path:
            case "/tracker.js":
                return "text/javascript", TRACKER_JS
            case "/pixel.gif":
                if query:
                    self.record(dict(parse_qsl(query, keep_blank_values=True)), headers, path)
                return "image/gif", PIXEL_GIF
            case "/said":
                self.said.append(unquote(query))
                return "image/gif", PIXEL_GIF
            case "/heard":
                wait_until(lambda: unquote(query) in self.said, query)
                return "text/plain", b""
        page = self._pages.get(path)
        return ("text/html", page.encode()) if page else None


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *arguments: Any) -> None:
        self._site = site
        super().__init__(*arguments)

    def do_GET(self) -> None:  # pylint: disable=invalid-name  # http.server demands it
        """Answer with a page, the tracker or a pixel."""
        media_type, body = self._site.answer(self.path, self.headers) or ("", b"")
        self.send_response(200 if media_type else 404)
        self.send_header("Content-Type", media_type)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:  # pylint: disable=invalid-name  # http.server demands it
        """Record a view. A preflight would be refused, because there is no do_OPTIONS."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._site.record(json.loads(body), self.headers, self.path)
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pylint: disable=arguments-differ
        """Keep requests out of the output of tests."""


@contextmanager
def _serve(site: Site) -> Iterator[int]:
    """Serve a site until the context ends; yield the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, site)) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _browser() -> str:
    """Return the path of Chromium, or say how to install it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("Chromium is not on PATH; on Debian: apt-get install chromium")
