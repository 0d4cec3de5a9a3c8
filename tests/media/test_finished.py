"""Finished films are looked at: what is not as it should be is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from media import finished
from media.ffmpeg import find
from protocol.errors import MediaError
from tests.support import odd_media


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"seconds": 1.5}, "lasts 1.000 s instead of 1.500 s"),
        ({"sounds": 2}, "1 sound"),
        ({"frames": 13}, "12 pictures instead of 13"),
        ({"subtitles": 1}, "0 subtitle"),
    ],
)
def test_what_is_not_as_it_should_be_is_said(tmp_path: Path, wanted: dict[str, Any], words: str) -> None:
    """Length, streams and pictures; a film that is right passes."""
    film = odd_media.film(tmp_path / "film.mp4")
    right = {"seconds": 1.0, "sounds": 1, "frames": 12, "subtitles": 0}
    assert finished.check(find(), film, **right).sounds  # type: ignore[arg-type]
    with pytest.raises(MediaError, match=words):
        finished.check(find(), film, **{**right, **wanted})  # type: ignore[arg-type]


def test_a_film_that_cannot_be_decoded_to_its_end_is_refused(tmp_path: Path) -> None:
    """Its header and its packets are well, and a picture is not."""
    film = odd_media.film(tmp_path / "film.mkv", size="320x240", sound=False)
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    film.write_bytes(data)
    with pytest.raises(MediaError):
        finished.check(find(), film, seconds=1.0, sounds=0, frames=12)
