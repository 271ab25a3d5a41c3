"""Compute what takes long without stopping the other requests of a process."""

import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from gevent import get_hub, monkey

WAIT_SECONDS = 2
"""How long a request waits for its turn."""

_turn = threading.Lock()  # gevent's under Gunicorn, whose worker patches it before it loads this

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class Busy(Exception):
    """Other requests compute, and will still do after WAIT_SECONDS."""


def compute(
    function: Callable[_Parameters, _Result],
    *arguments: _Parameters.args,
    **options: _Parameters.kwargs,
) -> _Result:
    """Return the result of a function that releases the GIL and uses neither sockets nor locks.

    Under gevent it runs in a thread, so that other requests go on. A process computes one at a
    time, so requests cannot make it use more than one processor, or more memory than one needs.
    Raises Busy, and what function raises.
    """
    if not _turn.acquire(timeout=WAIT_SECONDS):  # pylint: disable=consider-using-with  # a timeout
        raise Busy()
    try:
        if monkey.is_module_patched("threading"):
            result: _Result = get_hub().threadpool.apply(function, arguments, options)
            return result
        return function(*arguments, **options)
    finally:
        _turn.release()
