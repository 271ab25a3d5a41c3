"""Gunicorn's settings for every service, in production and in development.

Gunicorn's documentation explains each name. The number of workers comes from
Gunicorn's own variable WEB_CONCURRENCY, which libs.flask_service.settings checks.
"""

# pylint: disable=invalid-name  # the names are Gunicorn's

import os

import gevent

from libs.flask_service import metrics_files
from libs.flask_service.logs import SERVICE_VARIABLE, configuration
from libs.flask_service.resolver import Resolver
from libs.flask_service.settings import metrics_port_from_environment
from libs.flask_service.worker import Log, Worker

# All addresses of the container. /metrics has a port of its own, which nobody publishes.
_ports = {8000, metrics_port_from_environment()} - {0}
bind = [f"0.0.0.0:{port}" for port in sorted(_ports)]
worker_class = Worker  # a slow client occupies a greenlet, not one of a few threads
# c-ares looks up names within a limit and without threads. gevent's default, the system's resolver
# in a few threads, has no limit.
gevent.config.resolver = Resolver
os.environ["GEVENT_RESOLVER_TIMEOUT"] = "0.125"  # as libs.redis_access.retries.WAIT_SECONDS
os.environ["GEVENTARES_TRIES"] = "1"
graceful_timeout = 5  # seconds; a request takes less than 1
# Seconds to wait for the head of a request, for its content, for the client to receive the answer,
# and for the next request on the same connection. Slower clients are disconnected.
keepalive = 5

sendfile = False  # libs.flask_service.worker sends answers in one piece

# Larger requests are refused. libs.flask_service.worker limits their content and all headers.
limit_request_line = 4094  # bytes
limit_request_fields = 50
limit_request_field_size = 8190  # bytes

# libs.flask_service.proxies decides whom to believe. By default Gunicorn would also take the scheme
# and SCRIPT_NAME from clients on the same machine.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

if os.path.isdir("/dev/shm"):  # nosec B108  # keep heartbeat files in memory on Linux
    worker_tmp_dir = "/dev/shm"  # nosec B108  # Gunicorn gives its files unguessable names

on_starting = metrics_files.make_directory
pre_fork = metrics_files.choose_slot
post_fork = metrics_files.use_files
child_exit = metrics_files.forget_gauges
on_exit = metrics_files.remove_directory

# Only the gunicornc command uses this socket, which would be in the home directory.
control_socket_disable = True

# For whoever turns Gunicorn's access log on instead of LOG_REQUESTS=all: no address, path, query or
# user agent. service.py says which route it was.
access_log_format = "%(t)s %(m)s %({page_tracker.route}e)s %(s)s %(B)s bytes %(M)s ms"

# Gunicorn, the application and its libraries log alike.
logger_class = Log
logconfig_dict = configuration(os.environ.get(SERVICE_VARIABLE, "unknown"))
