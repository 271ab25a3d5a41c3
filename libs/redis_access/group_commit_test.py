"""Tests of group commit, many with a model of Redis that loses, repeats and reorders calls."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.processes.testing import DEADLINE_SECONDS, wait_until
from libs.redis_access.group_commit import GroupCommit

LONGEST_CALL_SECONDS = 30.0
ENOUGH_TIME = 600.0
TOO_LITTLE_TIME_TO_LEAD = 20.0


class ThreadEnds(BaseException):
    """Ends a thread, as gevent ends a greenlet with GreenletExit."""


class Model:
    """A counter like that in Redis, whose calls wait until the test says how they end."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.calls: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self.endings: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.late: list[list[str]] = []

    def call(self, views: list[str]) -> Sequence[int | Exception]:
        """Count each view that is not counted yet, unless the call ends in another way."""
        self.calls.put(views)
        ending = self.endings.get(timeout=DEADLINE_SECONDS)
        if ending in ("request lost", "request late"):
            self.late += [views] * (ending == "request late")
            raise redis.TimeoutError(ending)
        if ending == "refused":
            raise redis.OutOfMemoryError(ending)
        answers = [self.count(view) for view in views]
        if ending == "reply lost":
            raise redis.ConnectionError(ending)
        if ending == "thread ends":
            raise ThreadEnds
        if ending == "first refused":
            return [redis.ResponseError(ending), *answers[1:]]
        return answers

    def count(self, view: str) -> int:
        """Count a view once; return its number."""
        return self.numbers.setdefault(view, len(self.numbers) + 1)


@dataclass(eq=False)
class View:
    """One page view and what its visitor saw."""

    name: str
    seen: list[int | BaseException] = field(default_factory=list)
    thread: threading.Thread | None = None

    def submit(self, group_commit: GroupCommit[str, int], seconds: float) -> None:
        """Begin an attempt in a thread of its own."""

        def attempt() -> None:
            try:
                self.seen.append(group_commit.submit(self.name, time.monotonic() + seconds))
            except (redis.RedisError, ThreadEnds) as error:
                self.seen.append(error)

        self.thread = threading.Thread(target=attempt)
        self.thread.start()

    def join(self) -> None:
        """Wait for the end of the attempt."""
        assert self.thread
        self.thread.join(DEADLINE_SECONDS)
        assert not self.thread.is_alive(), f"{self.name} waits for ever"


ENDINGS = ("reply", "request lost", "request late", "reply lost", "refused", "first refused")


class Visitors(RuleBasedStateMachine):
    """Views arrive, wait, are answered, fail and are tried again in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.group_commit = GroupCommit(self.model.call, LONGEST_CALL_SECONDS)
        self.under_way: list[View] = []
        self.waiting: list[tuple[View, float]] = []
        self.views: list[View] = []

    @rule(seconds=st.sampled_from([ENOUGH_TIME, TOO_LITTLE_TIME_TO_LEAD]))
    def arrive(self, seconds: float) -> None:
        """Let a new view arrive."""
        view = View(f"view {len(self.views)}")
        self.views.append(view)
        self._submit(view, seconds)

    @precondition(lambda self: self._failed())
    @rule(data=st.data())
    def try_again(self, data: st.DataObject) -> None:
        """Submit a failed view again."""
        self._submit(data.draw(st.sampled_from(self._failed())), ENOUGH_TIME)

    @precondition(lambda self: self.under_way)
    @rule()
    def arrive_without_time(self) -> None:
        """Let a view arrive whose time is over before the call under way ends."""
        view = View(f"view {len(self.views)}")
        self.views.append(view)
        view.submit(self.group_commit, seconds=0)
        view.join()
        assert isinstance(view.seen[-1], redis.TimeoutError)

    @precondition(lambda self: self.under_way)
    @rule(ending=st.sampled_from([*ENDINGS, "thread ends"]))
    def end_call(self, ending: str) -> None:
        """End the call under way; all that wait go in the next one, if there is time."""
        ended, self.under_way = self.under_way, []
        next_group, self.waiting = self.waiting, []
        self.model.endings.put(ending)
        if any(seconds == ENOUGH_TIME for _, seconds in next_group):
            self._expect_call([view for view, _ in next_group])
        else:
            ended += [view for view, _ in next_group]
        for view in ended:
            view.join()

    @precondition(lambda self: self.model.late)
    @rule(data=st.data())
    def deliver_late(self, data: st.DataObject) -> None:
        """Let Redis carry out a request that was given up, perhaps after a later one."""
        views = data.draw(st.sampled_from(self.model.late))
        self.model.late.remove(views)
        for view in views:
            self.model.count(view)

    @invariant()
    def every_answer_is_the_number_of_its_own_view(self) -> None:
        """Check that each acknowledged view was counted, with the number that it was shown."""
        for view in self.views:
            for seen in view.seen:
                if isinstance(seen, int):
                    assert self.model.numbers[view.name] == seen

    def teardown(self) -> None:
        while self.under_way:
            self.end_call("reply")
        view = View("the last view")
        self._submit(view, ENOUGH_TIME)
        self.end_call("reply")
        assert view.seen == [self.model.numbers["the last view"]]

    def _failed(self) -> list[View]:
        busy = [*self.under_way, *(view for view, _ in self.waiting)]
        return [
            view for view in self.views if view not in busy and isinstance(view.seen[-1], Exception)
        ]

    def _submit(self, view: View, seconds: float) -> None:
        view.submit(self.group_commit, seconds)
        if not self.under_way:
            self._expect_call([view])
        else:
            self.waiting.append((view, seconds))
            waiting = self.group_commit._waiting  # pylint: disable=protected-access
            wait_until(lambda: len(waiting) == len(self.waiting), "the view")

    def _expect_call(self, views: list[View]) -> None:
        called = self.model.calls.get(timeout=DEADLINE_SECONDS)
        assert called == [view.name for view in views]
        self.under_way = views


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import time, gevent, gevent.event, redis
from libs.redis_access.group_commit import GroupCommit

end_of_call, calls = gevent.event.Event(), []

def call(views):
    calls.append(views)
    end_of_call.wait()
    return views

def submit(view):
    return group_commit.submit(view, time.monotonic() + 10 + view)

group_commit = GroupCommit(call, longest_call_seconds=1)
views = [gevent.spawn(submit, 0)]
{}
end_of_call.set()
gevent.joinall(views, timeout=10)
print(calls, [view.value for view in views[:3]])
"""

ARRIVE_TOGETHER = """
views += [gevent.spawn(submit, view) for view in (1, 2)]
"""

# A greenlet may end while it waits. Here the one that would lead the next call is killed.
END_A_LEADER = """
while not calls:
    gevent.sleep(0)
views += [gevent.spawn(submit, view) for view in (1, 2, 3)]
gevent.sleep(0)
views[3].kill(block={})
"""


@pytest.mark.parametrize(
    ("events", "calls"),
    [
        pytest.param(ARRIVE_TOGETHER, [[0, 1, 2]], id="they arrive together"),
        pytest.param(END_A_LEADER.format(True), [[0], [1, 2]], id="a leader ends at once"),
        pytest.param(END_A_LEADER.format(False), [[0], [1, 2]], id="with the next call"),
    ],
)
def test_should_group_the_requests_of_greenlets(events: str, calls: list[list[int]]) -> None:
    output = subprocess.run(
        [sys.executable, "-c", GREENLETS.format(events)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert output == f"{calls} [0, 1, 2]\n"


def test_should_log_a_failed_call_once(caplog: pytest.LogCaptureFixture) -> None:
    # Given
    model = Model()
    group_commit = GroupCommit(model.call, LONGEST_CALL_SECONDS)
    views = [View(f"view {number}") for number in range(4)]
    views[0].submit(group_commit, ENOUGH_TIME)
    model.calls.get(timeout=DEADLINE_SECONDS)
    for view in views[1:]:
        view.submit(group_commit, ENOUGH_TIME)
    waiting = group_commit._waiting  # pylint: disable=protected-access
    wait_until(lambda: len(waiting) == 3, "the other views")

    # When
    model.endings.put("reply")
    model.endings.put("reply lost")
    for view in views:
        view.join()

    # Then
    assert caplog.messages == ["a call to Redis failed for 3 requests: reply lost"]


def test_should_start_empty_in_a_forked_process() -> None:
    # Given
    model = Model()
    group_commit = GroupCommit(model.call, LONGEST_CALL_SECONDS)
    view = View("of the parent")
    view.submit(group_commit, ENOUGH_TIME)
    model.calls.get(timeout=DEADLINE_SECONDS)

    # When
    child = os.fork()
    if child == 0:
        model.endings.put("reply")
        number = group_commit.submit("of the child", time.monotonic() + ENOUGH_TIME)
        os._exit(number)  # pylint: disable=protected-access  # the documented way for a child
    _, status = os.waitpid(child, 0)
    model.endings.put("reply")
    view.join()

    # Then
    assert os.waitstatus_to_exitcode(status) == 1
    assert view.seen == [1]


TestVisitors = Visitors.TestCase
TestVisitors.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
