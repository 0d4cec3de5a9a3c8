"""Pieces of a film: what may be kept of an earlier attempt, and how they become one film again."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.upscale import UpscaleHandler
from colab.video import join, segments
from colab.video.segments import SegmentLength
from colab.work import StopWork
from media import pipes
from protocol.errors import JobFailed, MediaError
from tests.colab.handlers.upscale.conftest import frames
from tests.support.odd_media import film

AtDesk = Callable[..., FakeWorkbench]


@pytest.fixture
def at_desk(at_desk: AtDesk) -> AtDesk:
    """Return a maker of workbenches whose handler makes segments of 8 frames, and reports each frame."""
    handler = UpscaleHandler(segments=SegmentLength(fewest=8, most=8), report_every_s=0)
    return partial(at_desk, handler=handler)


def left(desk: FakeWorkbench) -> dict[str, Path]:
    return {name: desk.output(name) for name in desk.checkpoints}


def test_a_film_is_cut_by_frames(at_desk: AtDesk, tmp_path: Path) -> None:
    """20 frames are two pieces of eight and one of four."""
    desk = at_desk(film(tmp_path / "a.mkv", rate="20"))
    desk.run()
    assert desk.checkpoints == [
        "checkpoints/00000000-00000008.mkv",
        "checkpoints/00000008-00000016.mkv",
        "checkpoints/00000016-00000020.mkv",
    ]


@pytest.mark.parametrize("stop", [9, 13, 17, 20])
def test_a_killed_job_loses_one_piece_at_most(at_desk: AtDesk, tmp_path: Path, stop: int) -> None:
    """Whenever it ends, the next attempt makes only what is missing, and the film is the same to the byte."""
    source = film(tmp_path / "a.mkv", rate="20")
    whole = at_desk(source)
    whole.run()
    stopped = at_desk(source, stop_after=stop)
    with pytest.raises(StopWork):
        stopped.run()
    resumed = at_desk(source, earlier=left(stopped))
    resumed.run()
    assert len(resumed.checkpoints) == 3 - len(stopped.checkpoints)
    assert resumed.outputs() == whole.outputs()


@pytest.mark.parametrize("missing", [0, 1])
def test_a_piece_that_is_missing_in_the_middle_is_made_again(at_desk: AtDesk, tmp_path: Path, missing: int) -> None:
    """Those around it are kept."""
    source = film(tmp_path / "a.mkv", rate="20")
    whole = at_desk(source)
    whole.run()
    kept = left(whole)
    del kept[whole.checkpoints[missing]]
    resumed = at_desk(source, earlier=kept)
    resumed.run()
    assert resumed.checkpoints == [whole.checkpoints[missing]]
    assert resumed.outputs() == whole.outputs()


def test_a_piece_longer_than_the_film_is_made_again(at_desk: AtDesk, tmp_path: Path) -> None:
    """A checkpoint cannot add frames that the source does not have."""
    source = film(tmp_path / "a.mkv", rate="20")
    longer = at_desk(film(tmp_path / "b.mkv", rate="20", seconds=1.2))
    longer.run()
    whole = at_desk(source)
    whole.run()
    forged = {"checkpoints/00000016-00000024.mkv": longer.output("checkpoints/00000016-00000024.mkv")}
    resumed = at_desk(source, earlier=forged)
    resumed.run()
    assert resumed.outputs() == whole.outputs()


@pytest.mark.parametrize(
    "forge",
    [
        {"scale": 3},  # another size
        {"codec": "x265"},  # another codec
        {"preset": "slower"},  # another header of the same codec
    ],
)
def test_pieces_of_another_film_are_not_kept(at_desk: AtDesk, tmp_path: Path, forge: dict[str, object]) -> None:
    """They are looked at, not believed for their names."""
    source = film(tmp_path / "a.mkv", rate="20", sound=False)
    other = at_desk(source, **forge)
    other.run()
    resumed = at_desk(source, earlier=left(other))
    resumed.run()
    assert len(resumed.checkpoints) == 3


@pytest.mark.parametrize(
    "name",
    [
        "checkpoints/x.mkv",
        "checkpoints/1-9.mkv",
        "checkpoints/00000003-00000011.mkv",
        "checkpoints/00000008-00000008.mkv",
    ],
)
def test_names_that_are_not_ours_are_no_pieces(name: str, tmp_path: Path) -> None:
    """Only a place where a piece begins, and a length that one has."""
    like = segments.SegmentFormat(size=(2, 2), codec="h264", bits=8, header=b"")
    assert not segments.reusable([name], lambda name: tmp_path / name, 8, like)


def test_joining_counts_the_frames(at_desk: AtDesk, tmp_path: Path) -> None:
    """A frame too many or too few is no film."""
    desk = at_desk(film(tmp_path / "a.mkv", sound=False))
    desk.run()
    pieces = [desk.output(name) for name in desk.checkpoints]
    for wrong in (11, 13):
        with pytest.raises(MediaError, match="frames"):
            join.join(pieces, join.constant(wrong, Fraction(12)), tmp_path / "out.mp4")
    join.join(pieces, join.constant(12, Fraction(12)), tmp_path / "out.mp4")
    assert len(frames(tmp_path / "out.mp4")) == 12


def test_a_decoder_that_dies_in_the_middle_ends_the_job(
    at_desk: AtDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half film is given away, and no encoder is left running."""
    read, calls = pipes.FrameReader.read, []

    def dying(self: pipes.FrameReader) -> object:
        calls.append(1)
        if len(calls) == 5:
            self._process.kill()
            self._process.wait()
            raise MediaError("ffmpeg failed (-9): ")
        return read(self)

    monkeypatch.setattr(pipes.FrameReader, "read", dying)
    desk = at_desk(film(tmp_path / "a.mkv", rate="20"))
    with pytest.raises(JobFailed) as failed:
        desk.run()
    assert failed.value.code == "ENGINE"
    assert not desk.published
