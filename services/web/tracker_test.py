"""Tests of the tracker and its pixel, as they are served."""

import gzip
import hashlib

import esprima

from services.web.pixel import PIXEL_GIF
from services.web.tracker import TRACKER_ETAG, TRACKER_JS


def test_should_take_less_than_a_kilobyte() -> None:
    assert len(gzip.compress(TRACKER_JS)) <= 1024


def test_should_still_be_a_script_without_comments() -> None:
    script = esprima.parseScript(TRACKER_JS.decode(), {"comment": True})
    assert len(script.body) == 1
    assert not script.comments


def test_should_be_identified_by_its_content() -> None:
    assert hashlib.sha256(TRACKER_JS).hexdigest().startswith(TRACKER_ETAG)
    assert len(TRACKER_ETAG) == 32


def test_should_have_a_pixel_of_43_bytes() -> None:
    assert len(PIXEL_GIF) == 43
    assert PIXEL_GIF[:6] == b"GIF89a"
    assert PIXEL_GIF[-1:] == b";"
