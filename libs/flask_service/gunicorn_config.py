"""How Gunicorn serves every service, in production and on a developer's machine alike.

The names are Gunicorn's settings; its documentation explains each. The number of workers is
Gunicorn's own variable, WEB_CONCURRENCY, which libs.flask_service.server checks.
"""

# pylint: disable=invalid-name  # the names are Gunicorn's

import logging
import os

bind = "0.0.0.0:8000"  # in a container: all its addresses
worker_class = "gevent"  # a slow client occupies a greenlet, not one of a few threads
graceful_timeout = 5  # seconds; a request takes less than 1
# Seconds for a request to arrive whole, and for the next one on the same connection to begin.
# Whoever is slower is cut off.
keepalive = 5

if os.path.isdir("/dev/shm"):  # nosec B108  # heartbeat files belong in memory, where Linux has it
    worker_tmp_dir = "/dev/shm"  # nosec B108  # Gunicorn gives its files there unguessable names

# A file in the home directory, of use only to the gunicornc command.
control_socket_disable = True

# What the application and its libraries log joins Gunicorn's own log on standard error.
logging.basicConfig(format="[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s")
