"""Serve the page tracker on this machine: ./pants run services/web:serve -- --port 8080."""

import sys

from libs.flask_service.serving import Service, serve

SERVICE = Service("services.web", "Page Tracker", port=8000, address_variable="TRACKER_URL")


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl+C or SIGTERM; return the exit status."""
    return serve([SERVICE], arguments)


if __name__ == "__main__":
    sys.exit(main())
