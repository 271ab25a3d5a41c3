"""Decide feature flags by a file, which may change while the process runs."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from libs.feature_flags.flag_file import InvalidFlags, parse_flags

CHECK_SECONDS = 1.0
"""How long a change of the file may go unnoticed."""

_Object = Sequence[FlagValueType] | Mapping[str, FlagValueType]

_logger = logging.getLogger(__name__)


class FileProvider(AbstractProvider):
    """Evaluates flags in the process, by flagd's own rules.

    A file that cannot be used is logged once; what was last read of a good one still applies. Until
    there is a good one, the defaults of the callers do. No thread watches the file, so a process
    may fork.
    """

    def __init__(self, path: Path, observe: Callable[[bool], None]) -> None:
        """Read the file at path when a flag is first asked for.

        observe is told whenever the file has changed: whether it can be used.
        """
        super().__init__()
        self._path = path
        self._observe = observe
        self._core = FlagdCore()
        self._seen: bytes | str | None = None
        self._next_check = 0.0

    def get_metadata(self) -> Metadata:
        """Return the name of this provider."""
        return Metadata("flags in a file")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Return a decision between true and false."""
        return self._current().resolve_boolean_value(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Return a decision between texts."""
        return self._current().resolve_string_value(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Return a decision between whole numbers."""
        return self._current().resolve_integer_value(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Return a decision between numbers."""
        return self._current().resolve_float_value(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: _Object,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[_Object]:
        """Return a decision between objects or lists."""
        return self._current().resolve_object_value(flag_key, default_value, evaluation_context)

    def _current(self) -> FlagdCore:
        """Return what decides by the file as it was at most CHECK_SECONDS ago."""
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._read()
        return self._core

    def _read(self) -> None:
        # Compare contents: a file can change twice within one tick of its modification time.
        try:
            content: bytes | str = self._path.read_bytes()
        except OSError as error:
            content = f"it cannot be read: {error.strerror}"
        if content == self._seen:
            return
        self._seen = content
        try:
            if isinstance(content, str):
                raise InvalidFlags(content)
            parse_flags(content)
            core = FlagdCore()
            core.set_flags(json.loads(content))
        except Exception as error:  # pylint: disable=broad-exception-caught  # flagd's are any
            _logger.warning(
                "The flags in %s stay as they were last read, or as in the code: %s",
                self._path,
                error,
            )
            self._observe(False)
        else:
            self._core = core
            self._observe(True)
            _logger.info("Flags were read from %s", self._path)
