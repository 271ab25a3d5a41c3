"""Send many commands to Redis in one round trip, and find the answer to each.

Redis answers the commands of a round trip one after the other, and nobody else meanwhile. So what
needs longer than about a millisecond is sent in more of them.
"""

from typing import Any

import redis

from libs.redis_access.retries import call_once

ROWS_PER_TRIP = 10_000
"""How many rows of tables are read in one round trip; a table is never divided. Redis takes about a
millisecond for so many."""

Command = tuple[str | int, ...]
"""A command that only reads, such as ("HGETALL", "key")."""


class Batch:
    """Commands that are sent together. A command that is added twice is sent once."""

    def __init__(self) -> None:
        self._rows: dict[Command, int] = {}
        self._answers: dict[Command, Any] = {}
        self._at_once: dict[Command, Any] = {}

    def add(self, *command: str | int, rows: int = 0) -> Command:
        """Add a command that reads at most so many rows; return what to find its answer by.

        A command with few rows need not say how many.
        """
        self._answers.setdefault(command)
        self._rows[command] = rows
        return command

    def add_current(self, *command: str | int) -> Command:
        """Add one that reads what views change now. All of these are answered at one moment."""
        self._at_once.setdefault(command)
        return command

    def __getitem__(self, command: Command) -> Any:
        return self._at_once[command] if command in self._at_once else self._answers[command]

    def send(self, client: redis.Redis) -> None:
        """Send the commands; in a cluster, those of add_current to the node that has their keys.

        Raises redis.RedisError.
        """
        call_once(client, lambda: self._send(client))

    def _send(self, client: redis.Redis) -> None:
        *others, last = self._trips()
        with client.pipeline(transaction=False) as pipeline:
            answers = []
            for trip in others:
                for command in trip:
                    pipeline.execute_command(*command)
                answers += pipeline.execute()
            for command in last:
                pipeline.execute_command(*command)
            if self._at_once:
                pipeline.execute_command("MULTI")
                for command in self._at_once:
                    pipeline.execute_command(*command)
                pipeline.execute_command("EXEC")
            answers += pipeline.execute()
        self._answers = dict(zip(self._answers, answers))
        if self._at_once:
            for command, answer in zip(self._at_once, answers[-1]):
                if isinstance(answer, redis.RedisError):
                    raise answer
                is_table = command[0] == "HGETALL"
                self._at_once[command] = (
                    dict(zip(answer[::2], answer[1::2])) if is_table else answer
                )

    def _trips(self) -> list[list[Command]]:
        """Divide the commands into round trips: at least one, which may be empty."""
        trips: list[list[Command]] = [[]]
        rows = 0
        for command in self._answers:
            rows += self._rows[command]
            if trips[-1] and rows > ROWS_PER_TRIP:
                trips.append([])
                rows = self._rows[command]
            trips[-1].append(command)
        return trips
