"""Serve the dashboard on this machine: ./pants run services/dashboard:serve."""

import sys

from libs.flask_service.serving import Service, serve

SERVICE = Service(
    "services.dashboard",
    "Dashboard",
    port=8001,
    address_variable="DASHBOARD_URL",
    path="/dashboard/",
)

if __name__ == "__main__":
    sys.exit(serve([SERVICE]))
