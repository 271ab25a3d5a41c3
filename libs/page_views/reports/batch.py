"""Send many commands to Redis in one round trip, and find the answer to each."""

from typing import Any

import redis

from libs.redis_access.retries import call_once

Command = tuple[str | int, ...]
"""A command that only reads, such as ("HGETALL", "key")."""


class Batch:
    """Commands of one round trip. A command that is added twice is sent once."""

    def __init__(self) -> None:
        self._answers: dict[Command, Any] = {}
        self._at_once: dict[Command, Any] = {}

    def add(self, *command: str | int) -> Command:
        """Add a command; return what to find its answer by."""
        self._answers.setdefault(command)
        return command

    def add_current(self, *command: str | int) -> Command:
        """Add one that reads what views change now. All of these are answered at one moment."""
        self._at_once.setdefault(command)
        return command

    def __getitem__(self, command: Command) -> Any:
        return self._at_once[command] if command in self._at_once else self._answers[command]

    def send(self, client: redis.Redis) -> None:
        """Send the commands. Raises redis.RedisError."""
        call_once(client, lambda: self._send(client))

    def _send(self, client: redis.Redis) -> None:
        with client.pipeline(transaction=False) as pipeline:
            for command in self._answers:
                pipeline.execute_command(*command)
            if self._at_once:
                pipeline.execute_command("MULTI")
                for command in self._at_once:
                    pipeline.execute_command(*command)
                pipeline.execute_command("EXEC")
            answers = pipeline.execute()
        self._answers = dict(zip(self._answers, answers))
        if self._at_once:
            for command, answer in zip(self._at_once, answers[-1]):
                if isinstance(answer, redis.RedisError):
                    raise answer
                is_table = command[0] == "HGETALL"
                self._at_once[command] = (
                    dict(zip(answer[::2], answer[1::2])) if is_table else answer
                )
