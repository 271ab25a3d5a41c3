"""How Gunicorn serves the application, in production and in services/web:serve alike.

The names are Gunicorn's settings; its documentation explains each.
"""

# pylint: disable=invalid-name  # the names are Gunicorn's

import logging
import os

bind = "0.0.0.0:8000"  # in a container: all its addresses
worker_class = "gthread"  # keeps connections alive; threads wait for Redis together
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8  # fewer than the connections to Redis: libs.redis_access.policy.POOL_SIZE
graceful_timeout = 5  # seconds; a request takes less than 1
keepalive = 5  # seconds

if os.path.isdir("/dev/shm"):  # nosec B108  # heartbeat files belong in memory, where Linux has it
    worker_tmp_dir = "/dev/shm"  # nosec B108  # Gunicorn gives its files there unguessable names

# A file in the home directory, of use only to the gunicornc command.
control_socket_disable = True

# What the application and its libraries log joins Gunicorn's own log on standard error.
logging.basicConfig(format="[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s")
