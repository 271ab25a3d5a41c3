"""Give a line of a log the same nonce whenever and from whichever copy it is imported.

A nonce depends on the site, on the line, and on how many identical lines came before it. A line
contains its second, so it can only repeat within that second. Importing a log again, its
compressed copy, or the file into which it was rotated therefore counts nothing twice.
"""

from hashlib import blake2b

DIGEST_BYTES = 16
REMEMBERED_LINES = 100_000
"""How far apart identical lines may be and still be told apart, at least."""


def line_digest(line: bytes) -> bytes:
    """Return the BLAKE2b digest of a line that was cut off before its line break."""
    return blake2b(line, digest_size=DIGEST_BYTES).digest()


class LineNonces:
    """Nonces for the lines of one site, to be asked for in the order of its logs.

    Memory is bounded by REMEMBERED_LINES. A line whose twin was forgotten, or is before the place
    where an import began, gets the nonce of that twin: it is lost rather than counted twice.
    """

    def __init__(self, site: str) -> None:
        self._key = blake2b(site.encode(), digest_size=64).digest()
        self._seen: dict[bytes, int] = {}
        self._seen_before: dict[bytes, int] = {}

    def nonce(self, digest: bytes) -> bytes:
        """Return the nonce, of DIGEST_BYTES, of the next line that has this digest."""
        repeats = self._seen.get(digest)
        if repeats is None:
            repeats = self._seen_before.get(digest, 0)
        if len(self._seen) == REMEMBERED_LINES:
            self._seen_before, self._seen = self._seen, {}
        self._seen[digest] = repeats + 1
        content = digest + repeats.to_bytes(8, "big")
        return blake2b(content, digest_size=DIGEST_BYTES, key=self._key).digest()
