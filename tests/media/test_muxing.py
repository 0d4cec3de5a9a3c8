"""Finished videos are checked: every difference from what is expected is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from media import muxing
from media.ffmpeg import find
from protocol.errors import MediaError
from tests.support import odd_media


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"seconds": 1.5}, "lasts 1.000 s instead of 1.500 s"),
        ({"sounds": 2}, "1 audio track"),
        ({"frames": 13}, "12 frames instead of 13"),
        ({"subtitles": 1}, "0 subtitle"),
    ],
)
def test_every_difference_is_reported(tmp_path: Path, expected: dict[str, Any], message: str) -> None:
    """Length, tracks and frames; a correct video passes."""
    film = odd_media.film(tmp_path / "film.mp4")
    right = {"seconds": 1.0, "sounds": 1, "frames": 12, "subtitles": 0}
    assert muxing.check_video(find(), film, **right).sounds  # type: ignore[arg-type]
    with pytest.raises(MediaError, match=message):
        muxing.check_video(find(), film, **{**right, **expected})  # type: ignore[arg-type]


def test_a_video_that_cannot_be_decoded_to_its_end_is_refused(tmp_path: Path) -> None:
    """Its header and packets are valid, but a frame is not."""
    film = odd_media.film(tmp_path / "film.mkv", size="320x240", sound=False)
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    film.write_bytes(data)
    with pytest.raises(MediaError):
        muxing.check_video(find(), film, seconds=1.0, sounds=0, frames=12)
