"""The files of vid.stab: both forms, read strictly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colab.handlers.stabilize import motions
from colab.handlers.stabilize.motions import FIELD, Motion
from protocol.errors import MediaError

FRAMES = [
    np.array([], FIELD),
    np.array([(3, -2, 40, 30, 16, 0.5, 1.25), (4, -2, 80, 30, 16, 0.25, 0.0)], FIELD),
]


@pytest.mark.parametrize("text", [True, False])
def test_what_is_written_is_read(tmp_path: Path, text: bool) -> None:
    """In either form, which is told by how a file begins."""
    path = tmp_path / "m.trf"
    motions.write(path, FRAMES, text=text)
    assert motions.is_text(path) is text
    assert [frame.tolist() for frame in motions.read(path)] == [frame.tolist() for frame in FRAMES]


@pytest.mark.parametrize("text", [True, False])
def test_a_file_that_is_cut_is_refused_unless_it_is_being_written(tmp_path: Path, text: bool) -> None:
    """What is there of the last picture is left out then."""
    path = tmp_path / "m.trf"
    motions.write(path, FRAMES, text=text)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(MediaError, match="picture 2"):
        motions.read(path)
    assert len(motions.read(path, whole=False)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"TRF1",
        b"VID.STAB 2\nFrame 1 (List 0 [])\n",
        b"VID.STAB 1\nFrame 2 (List 0 [])\n",
        b"VID.STAB 1\nFrame 1 (List 2 [(LM 0 0 1 1 16 0.1 0.2)])\n",
        b"VID.STAB 1\nFrame 1 (List 1 [(LM 0 0 1 1 16 0.1)])\n",
        b"TRF1" + b"\0" * 20 + b"\1\0\0\0\xff\xff\xff\x7f",
        b"TRF1" + b"\0" * 20 + b"\1\0\0\0\xff\xff\xff\xff",
    ],
)
def test_what_vidstab_would_not_write_is_refused(tmp_path: Path, data: bytes) -> None:
    """Another version, pictures out of order, fields that are not there, counts from nowhere."""
    path = tmp_path / "m.trf"
    path.write_bytes(data)
    with pytest.raises(MediaError):
        motions.read(path)


def test_two_looks_at_half_size_tell_the_whole_pixel() -> None:
    """A motion of 3 pixels is 1 or 2 at half size; moved by one pixel it is 2 or 1: together they say 3."""

    def look(*moved: int) -> list[motions.Fields]:
        return [np.array([(by, by, 10, 20, 8, 0.5, 0.0)], FIELD) for by in moved]

    still, swaying = look(0, 1, 1), look(0, 2, 1)
    for odd_first, expected in ((False, [0.5, 2.5, 2.5]), (True, [-0.5, 3.5, 1.5])):
        large = motions.enlarged([still, swaying], 2, odd_first=odd_first)
        assert [float(frame["vx"].mean()) for frame in large] == expected
        assert [frame["size"].tolist() for frame in large] == [[16, 16]] * 3
        assert large[0]["x"].tolist() == [20, 20]


def test_a_look_that_ends_earlier_ends_the_others() -> None:
    """Files that are still being written are not equally long."""
    assert len(motions.enlarged([FRAMES, FRAMES[:1]], 2, odd_first=False)) == 1


def test_fitted_motion_is_written_and_read(tmp_path: Path) -> None:
    """As vid.stab tells it, with its remarks; the first picture has nothing before it."""
    path = tmp_path / "g.trf"
    path.write_text("0 0 0 0 0 1\n# no fields\n0 1.500000 -2.250000 0.001000 0.300000 0\n#\t\t 1.7 2\n")
    found = motions.read_fitted(path)
    assert found == [Motion(0, 0, 0, True), Motion(1.5, -2.25, 0.001)]
    motions.write_fitted(path, found)
    assert path.read_text().splitlines()[1] == "2 1.500000 -2.250000 0.001000 0.000000 0"
    assert motions.read_fitted(path) == found
    path.write_text("0 1 2\n")
    with pytest.raises(MediaError, match="0 1 2"):
        motions.read_fitted(path)


@pytest.mark.parametrize("motion", [Motion(float("inf"), 0, 0), Motion(500, 0, 0), Motion(0, 0, 4)])
def test_motion_beyond_sense(motion: Motion) -> None:
    """Farther than the picture is large, or more than half a turn."""
    assert not motion.is_sensible(100)
    assert Motion(10, -10, 0.1).is_sensible(100)
