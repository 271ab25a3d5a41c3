"""Gunicorn's settings, with a loop in each request that makes the service slower on purpose.

benchmarks/throughput_guard.py starts the page with it to see whether it would notice. BUSY_US
gives the microseconds of processor time that the loop takes.
"""

import os
import time

from libs.flask_service import gunicorn_config

_BUSY_SECONDS = int(os.environ["BUSY_US"]) / 1e6

globals().update(
    (name, value) for name, value in vars(gunicorn_config).items() if not name.startswith("_")
)


def pre_request(worker: object, request: object) -> None:
    """Use the processor before each request."""
    del worker, request
    end = time.thread_time() + _BUSY_SECONDS
    while time.thread_time() < end:
        pass
