"""Send requests that arrive while a call to Redis is under way together, in the next call.

A request that finds no call under way makes one, but lets other threads and greenlets run first:
they may join it. Requests that arrive during a call wait. When it ends, one of them, the leader,
makes the next call for all of them. So they share a round trip, and with appendfsync always one
flush to disk. Databases call this group commit.
"""

import contextlib
import copy
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import redis

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Request(Generic[_Item, _Answer]):
    """A request, and its answer after its call has ended."""

    item: _Item
    deadline: float
    answer: _Answer | Exception | None = None
    # Held until the request has its answer or leads.
    wake: threading.Lock = field(default_factory=threading.Lock)


class GroupCommit(Generic[_Item, _Answer]):
    """Groups the requests of one process's threads or greenlets into calls, one at a time."""

    def __init__(
        self,
        call: Callable[[list[_Item]], Sequence[_Answer | Exception]],
        longest_call_seconds: float,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        """Use call to send items. It returns their answers, in order, within that many seconds.

        observe is told of how many requests a call is before it is made.

        An exception among the answers concerns one item; one that call raises concerns them all
        and is logged once.
        """
        self._call = call
        self._longest_call_seconds = longest_call_seconds
        self._observe = observe
        self._start_empty()

    def _start_empty(self) -> None:
        self._process_id = os.getpid()
        self._mutex = threading.Lock()  # guards the next two
        self._waiting: list[_Request[_Item, _Answer]] = []
        self._leader: _Request[_Item, _Answer] | None = None

    def submit(self, item: _Item, deadline: float) -> _Answer:
        """Send item at most once and return its answer.

        Raises the exception that answers it, or redis.TimeoutError at the deadline, a time of
        time.monotonic(). Redis may have carried out the request even so.
        """
        if self._process_id != os.getpid():  # forked: the threads that led are not in this process
            self._start_empty()
        request: _Request[_Item, _Answer] = _Request(item, deadline)
        request.wake.acquire()
        with self._mutex:
            self._waiting.append(request)
            if self._leader is None:
                self._leader = request
        try:
            if self._leader is not request and not request.wake.acquire(
                timeout=max(0, deadline - time.monotonic())
            ):
                self._withdraw(request)
            if self._leader is request:
                time.sleep(0)  # let others join
                self._lead()
        except BaseException:  # such as the end of a greenlet
            self._withdraw(request)
            raise
        if request.answer is None:
            raise redis.TimeoutError("the calls before this one took too long")
        if isinstance(request.answer, Exception):
            raise request.answer
        return request.answer

    def _lead(self) -> None:
        """Make a call for all waiting requests, the leader's own included."""
        with self._mutex:
            group, self._waiting = self._waiting, []
        answers: Sequence[_Answer | Exception] = []
        error: Exception = redis.ConnectionError("the thread that made the call has ended")
        try:
            self._observe(len(group))
            answers = self._call([request.item for request in group])
        except Exception as raised:  # pylint: disable=broad-exception-caught  # it is their answer
            error = raised
            _logger.warning("a call to Redis failed for %d requests: %s", len(group), error)
        finally:
            # Wake the next leader first: its call is under way while the others use their answers.
            self._choose_leader()
            for request, answer in zip(group, answers or [copy.copy(error) for _ in group]):
                request.answer = answer
                request.wake.release()

    def _choose_leader(self) -> None:
        """Let the request with the most time left lead, or end all if that is too little."""
        with self._mutex:
            self._leader = max(self._waiting, key=lambda each: each.deadline, default=None)
            woken = [self._leader] if self._leader else []
            if woken and time.monotonic() + self._longest_call_seconds > woken[0].deadline:
                woken, self._waiting, self._leader = self._waiting, [], None
        for request in woken:
            request.wake.release()

    def _withdraw(self, request: _Request[_Item, _Answer]) -> None:
        """Send the request no more, and let another lead in its place."""
        with self._mutex:
            with contextlib.suppress(ValueError):  # it was sent
                self._waiting.remove(request)
            leads = self._leader is request
        if leads:
            self._choose_leader()
