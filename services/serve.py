"""Serve all services with one command: ./pants run services:serve -- --port 8080."""

import sys
from importlib import import_module
from pathlib import Path

from libs.flask_service.serving import Service, serve


def services() -> list[Service]:
    """Return what the serve.py of each service declares."""
    directories = [path.parent.name for path in Path(__file__).parent.glob("*/serve.py")]
    modules = [import_module(f"services.{name}.serve") for name in directories]
    return [module.SERVICE for module in modules]


if __name__ == "__main__":
    sys.exit(serve(services()))
