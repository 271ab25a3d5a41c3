"""The error of every import: what is wrong in which line of which file."""


class ImportFormatError(ValueError):
    """A file cannot be imported; the message names the file, the line and what was expected."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        """Say what is wrong in a line, counted from 1, or with 0 in the file as a whole."""
        super().__init__(f"{file}, line {line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason
