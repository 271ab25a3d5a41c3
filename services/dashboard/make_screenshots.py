"""Make the pictures of the dashboard in README.md, from a year of invented views.

./pants run services/dashboard:make_screenshots    # writes docs/dashboard-{light,dark}.png
"""

import contextlib
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from libs.accounts.links import FIRST_LINK_PATH, first_link_token
from libs.flask_service.testing import program
from libs.page_views.demonstration import demonstration
from libs.page_views.transfer import load_sites
from libs.redis_access.connection import connect
from libs.redis_access.embedded import embedded_redis
from services.dashboard.browser_testing import visitor

SITE = "demo.example"
WIDTH, HEIGHT = 1200, 900
"""The size of the pictures, in pixels."""


def main() -> None:
    """Write the pictures."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(embedded_redis(directory))
        client = stack.enter_context(contextlib.closing(connect(server.url, wait_seconds=30)))
        load_sites(client, demonstration(SITE, datetime.now(timezone.utc), seed=0))
        token = first_link_token(client)
        serving = program("services.dashboard.serve", 1, REDIS_URL=server.url)
        url = stack.enter_context(serving).urls[0]
        size = {"width": WIDTH, "height": HEIGHT}
        guest = stack.enter_context(visitor(url, viewport=size))
        guest.use_first_link(f"{FIRST_LINK_PATH}?token={token}")
        guest.go_to(f"/dashboard/sites/{SITE}/")
        for scheme in ("light", "dark"):
            guest.page.emulate_media(color_scheme=scheme)
            guest.page.screenshot(path=f"docs/dashboard-{scheme}.png")


if __name__ == "__main__":
    main()
