"""A web site of one test, whose pages embed the tracker and act by their own scripts."""

import json
from email.message import Message
from urllib.parse import parse_qsl, unquote

from libs.processes.testing import wait_until
from services.web.browser_testing import START, Browser
from services.web.pixel import PIXEL_GIF
from services.web.tracker import TRACKER_JS

VISIT_SECONDS = 30
"""How long the browser may take to start and to view all pages of a test."""

_PAGE = """\
<!doctype html>
<title>{title}</title>
<script>
const say = (text) => new Promise((then) => {{
  const image = new Image();
  image.onload = then;
  image.src = "http://{stats}/said?" + encodeURIComponent(text);
}});
const done = () => {{
  say("done");
  location = "{start}";
}};
const until = (name) => new Promise((then) => addEventListener(name, then, {{ once: true }}));
const push = (path) => history.pushState(null, "", path);
const heard = (text) => fetch("/heard?" + encodeURIComponent(text));
</script>
{head}
{snippet}
<body>{body}
<script>onload = async () => {{ {script} }};</script>
"""

_SNIPPET = '<script async src="http://{}/tracker.js" data-site="shop" {}></script>'


class Shop:
    """The pages of www.DOMAIN, and what the tracker in them has sent, by its nonce.

    Each page has a script that runs when the page and the tracker have been loaded. The last script
    must call done(). A script may await say("words"), push("/path"), await until("popstate") and
    other events, and await heard("words") that another page says.
    """

    def __init__(self, browser: Browser) -> None:
        self.views: dict[str, dict[str, str]] = {}
        self.said: list[str] = []
        self.domain = browser.add(self)
        self.host = f"www.{self.domain}"
        self.stats = f"stats.{self.domain}"
        self._browser = browser
        self._pages: dict[str, str] = {}

    def page(self, path: str, script: str = "", *, attributes: str = "", **parts: str) -> None:
        """Add a page that embeds the tracker with these attributes.

        parts may be HTML for the head and the body, and a snippet to embed instead.
        """
        snippet = _SNIPPET.format(self.stats, attributes)
        whole = {"head": "", "snippet": snippet, "body": "", "script": script, **parts}
        self._pages[path] = _PAGE.format(title=path, start=START, stats=self.stats, **whole)

    def visit(self, path: str, *, views: int, host: str = "") -> None:
        """Open a page; wait until the pages are done and so many views have arrived here."""

        def done() -> bool:
            return "done" in self.said and len(self.views) >= views

        with self._browser.showing(f"http://{host or self.host}{path}"):
            wait_until(done, f"{views} views and the end", VISIT_SECONDS)

    @property
    def paths(self) -> list[str]:
        """Return the paths of all views, sorted, because they may overtake each other."""
        return sorted(view["path"] for view in self.views.values())

    def view_of(self, path: str) -> dict[str, str]:
        """Return the only view of a path."""
        (view,) = [view for view in self.views.values() if view["path"] == path]
        return view

    def get(self, url: str, headers: Message) -> tuple[str, bytes] | None:
        """Return the media type and body of a page, the tracker or a pixel; None for others."""
        path, _, query = url.partition("?")
        match path:
            case "/tracker.js":
                return "text/javascript", TRACKER_JS
            case "/pixel.gif":
                if query:
                    self._record(dict(parse_qsl(query, keep_blank_values=True)), headers, path)
                return "image/gif", PIXEL_GIF
            case "/said":
                self.said.append(unquote(query))
                return "image/gif", PIXEL_GIF
            case "/heard":
                wait_until(lambda: unquote(query) in self.said, query)
                return "text/plain", b""
        page = self._pages.get(path)
        return ("text/html", page.encode()) if page else None

    def post(self, url: str, headers: Message, body: bytes) -> None:
        """Record a view."""
        self._record(json.loads(body), headers, url)

    def _record(self, view: dict[str, str], headers: Message, url: str) -> None:
        """Record a view, as the service would: the first of those with the same nonce."""
        transport = {
            "url": f"http://{headers['Host']}{url}",
            "type": headers.get("Content-Type", ""),
            "purpose": headers.get("Sec-Purpose", ""),
            "cookie": headers.get("Cookie", ""),
        }
        self.views.setdefault(view.pop("nonce"), {**view, **transport})
