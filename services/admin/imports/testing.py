"""Measure how much memory an import needs, in tests."""

import contextlib
import tracemalloc
from collections.abc import Iterator


@contextlib.contextmanager
def memory_below(limit_bytes: int) -> Iterator[None]:
    """Fail if the code in the context ever holds so many bytes of new objects."""
    tracemalloc.start()
    try:
        yield
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < limit_bytes, f"{peak_bytes:,} bytes"
