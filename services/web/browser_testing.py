"""Let a real browser view the pages that tests write.

No driver controls the browser: the pages act by their own scripts. Playwright would switch off the
back-forward cache and keep prerendered pages from running.
"""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from libs.processes.browser_testing import chromium

_START_HOST = "next.example"
START = f"http://{_START_HOST}/"
"""Where a page goes when it is done. The answer is the first page of the next test."""

SECURE_HOST = "secure.example"
"""A host whose pages the browser takes for secure, as if they came over TLS."""

_FLAGS = (
    "--headless",
    "--no-sandbox",  # the user may be root, and all pages are ours
    "--disable-background-networking",
    "--disable-features=HttpsUpgrades",
    "--disable-gpu",
    "--disable-popup-blocking",
    "--no-first-run",
    f"--unsafely-treat-insecure-origin-as-secure=http://{SECURE_HOST}",
    # The service drops views of browsers that call themselves headless.
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36",
)


class Site(Protocol):
    """What answers the requests of the browser, in one thread for each."""

    def get(self, url: str, headers: Message) -> tuple[str, bytes] | None:
        """Return the media type and body of what is at a path and query, or None if nothing is."""

    def post(self, url: str, headers: Message, body: bytes) -> None:
        """Take in what a page sends."""


class Browser:
    """One process of Chromium, which shows the pages of one site after the other."""

    def __init__(self, directory: Path, port: int, *flags: str) -> None:
        ours = ("*.example", "*localhost", "127.0.0.2")
        rules = [*(f"MAP {name} 127.0.0.1:{port}" for name in ours), "MAP * ~NOTFOUND"]
        self._command = [
            chromium(),
            *_FLAGS,
            f"--user-data-dir={directory}",
            f"--host-resolver-rules={','.join(rules)},EXCLUDE 127.0.0.1",
            *flags,
            START,
        ]
        self._sites: list[Site] = []
        self._next: Future[str] = Future()
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, site: Site) -> str:
        """Add a site and return its domain, so that it shares no storage with other sites."""
        self._sites.append(site)
        return f"shop{len(self._sites) - 1}.example"

    def site_at(self, host: str) -> Site:
        """Return the site that has the host, or the newest one for hosts of no site."""
        number = re.search(r"\bshop(\d+)\.example", host)
        return self._sites[int(number[1]) if number else -1]

    @contextmanager
    def showing(self, url: str) -> Iterator[None]:
        """Open a page. If the context fails, the page may hang, so end the browser."""
        if self._process is None:
            self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        self._next.set_result(url)
        try:
            yield
        except BaseException:
            self.end()
            raise

    def next_page(self) -> str:
        """Wait for the next page and return its URL, or "" if the browser is to end."""
        page = self._next
        url = page.result()
        if page is self._next:  # two requests may wait, if the browser has given up the first
            self._next = Future()
        return url

    def end(self) -> None:
        """End the process, if it runs. The next page starts another."""
        if self._process is not None:
            with self._process as process:
                process.terminate()
            self._process = None
            if not self._next.done():
                self._next.set_result("")
            self._next = Future()


@contextmanager
def browser_in(directory: Path, *flags: str) -> Iterator[Browser]:
    """Yield a browser that keeps its data in an empty directory; end it with the context."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        browser = Browser(directory, server.server_port, *flags)
        server.RequestHandlerClass = partial(_Handler, browser)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield browser
        finally:
            browser.end()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, browser: Browser, *arguments: Any) -> None:
        self._browser = browser
        super().__init__(*arguments)

    def do_GET(self) -> None:  # pylint: disable=invalid-name  # http.server demands it
        """Answer with what the site has at this address, or with the next page."""
        if self.headers["Host"] == _START_HOST:
            self.send_response(302)
            self.send_header("Location", self._browser.next_page())
            self.send_header("Referrer-Policy", "no-referrer")  # nobody links to the first page
            self.end_headers()
            return
        site = self._browser.site_at(self.headers["Host"])
        media_type, body = site.get(self.path, self.headers) or ("", b"")
        self.send_response(200 if media_type else 404)
        self.send_header("Content-Type", media_type)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:  # pylint: disable=invalid-name  # http.server demands it
        """Take in what a page sends. There is no do_OPTIONS, so a preflight would be refused."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._browser.site_at(self.headers["Host"]).post(self.path, self.headers, body)
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pylint: disable=arguments-differ
        """Keep requests out of the output of tests."""
