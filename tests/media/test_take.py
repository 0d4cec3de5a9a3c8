"""Takes store JPEGs byte for byte, each shown from its own time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from media.take import TakeWriter
from protocol.errors import MediaError
from tests.support.media import jpeg, read_frame, take

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 30), (30, 30, 200)


def shown(path: Path, at: float) -> tuple[int, ...]:
    """Return the dominant colour of the frame shown at that time."""
    mean = read_frame(path, at).reshape(-1, 3).mean(axis=0)
    return tuple(int(n) for n in np.argsort(mean)[::-1][:1])


def test_frames_are_not_touched(tmp_path: Path) -> None:
    """Every frame is stored byte for byte."""
    path = take(tmp_path / "t.mkv", [(0.0, RED), (0.5, GREEN)], 1)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert packets == [jpeg(RED), jpeg(GREEN)]


def test_each_frame_is_shown_from_its_time(tmp_path: Path) -> None:
    """The first is shown from 0, whenever it arrived, the others from their own times."""
    path = take(tmp_path / "t.mkv", [(0.2, RED), (0.5, GREEN), (0.9, BLUE)], 1.5)
    assert [shown(path, at)[0] for at in (0.0, 0.49, 0.51, 0.89, 0.91, 1.4)] == [0, 0, 1, 1, 2, 2]


def test_a_frame_that_is_not_later_replaces_the_one_before(tmp_path: Path) -> None:
    """Times never go back: the newer frame replaces the older one."""
    path = take(tmp_path / "t.mkv", [(0.0, RED), (0.5, GREEN), (0.4, BLUE)], 1)
    assert [shown(path, at)[0] for at in (0.0, 0.6)] == [0, 2]


def test_a_take_without_a_frame_is_an_error(tmp_path: Path) -> None:
    """A browser that delivers no frame is reported."""
    with pytest.raises(MediaError, match="no frame"):
        TakeWriter(tmp_path / "t.mkv", (320, 240)).close(1)
