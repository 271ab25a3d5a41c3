"""Tests that a line of a log has one nonce in all its copies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.admin.imports import line_identity
from services.admin.imports.line_identity import DIGEST_BYTES, LineNonces, line_digest
from services.admin.imports.testing import memory_below

DIGESTS = [line_digest(bytes([n])) for n in range(3)]


def nonces(digests: list[bytes], site: str = "example.org") -> list[bytes]:
    """Return the nonces of a log in which these lines follow one another."""
    lines = LineNonces(site)
    return [lines.nonce(digest) for digest in digests]


@settings(database=None, derandomize=True)
@given(st.lists(st.sampled_from(DIGESTS), max_size=20))
def test_should_give_each_line_its_own_nonce_each_time(digests: list[bytes]) -> None:
    found = nonces(digests)
    assert len(set(found)) == len(digests)
    assert found == nonces(digests)
    assert all(len(nonce) == DIGEST_BYTES for nonce in found)


@settings(database=None, derandomize=True)
@given(st.lists(st.sampled_from(DIGESTS), max_size=20), st.integers(0, 20))
def test_should_give_part_of_a_log_no_nonce_of_its_own(digests: list[bytes], start: int) -> None:
    assert set(nonces(digests[start:])) <= set(nonces(digests))


def test_should_tell_sites_apart() -> None:
    assert not set(nonces(DIGESTS)) & set(nonces(DIGESTS, "é" * 100))


def test_should_rather_lose_a_line_than_count_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(line_identity, "REMEMBERED_LINES", 4)
    line = DIGESTS[0]
    near, far = ([line_digest(b"%d" % n) for n in range(count)] for count in (4, 9))

    # Then
    assert len(set(nonces([line, *near, line]))) == len(near) + 2
    assert len(set(nonces([line, *far, line]))) == len(far) + 1


def test_should_remember_a_bounded_number_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr(line_identity, "REMEMBERED_LINES", 1000)
    lines = LineNonces("example.org")

    # Then
    with memory_below(500_000):
        for n in range(30_000):
            lines.nonce(line_digest(b"%d" % n))
