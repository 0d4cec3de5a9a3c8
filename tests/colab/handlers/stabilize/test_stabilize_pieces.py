"""Long films steadied piece by piece: what one command would have written, going on where an attempt ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.stabilize import StabilizeHandler
from colab.video import frames
from colab.video.segments import SegmentLength
from colab.work import StopWork
from media.examine import examine
from tests.support import odd_media

EACH = 10
"""Frames of a piece here."""


SHORT = StabilizeHandler(segments=SegmentLength(fewest=EACH, most=EACH))


def desk(
    source: Path, folder: Path, earlier: Mapping[str, Path] | None = None, handler: StabilizeHandler = SHORT, **raw: Any
) -> FakeWorkbench:
    made = FakeWorkbench(
        kind="stabilize", raw={"preset": "ultrafast"} | raw, folder=folder, sources={"source": source}, handler=handler
    )
    made.earlier = earlier or {}
    return made


def pieces(done: FakeWorkbench) -> list[str]:
    return [name for name in done.checkpoints if name.endswith(".mkv")]


def shown(path: Path) -> tuple[list[float], list[Any]]:
    """Return when each picture is shown, and the pictures."""
    with av.open(str(path)) as film:
        found = [(float(frame.pts * frame.time_base), frame.to_ndarray()) for frame in film.decode(video=0)]
    return [at for at, _ in found], [picture for _, picture in found]


COLOURS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
VARYING = "select='not(between(n,10,14))'"
FILMS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "x264": ({}, ("-vf", "setsar=4/3")),
    "x265 in mov": ({"codec": "hevc", "format": "mov"}, ()),
    "vp9 in webm": ({"format": "webm"}, ("-vf", "setsar=4/3")),
    "each picture at its own time": ({"format": "mkv"}, ("-vf", VARYING)),
    "borders that move": ({"optzoom": 0}, ("-vf", VARYING)),
    "a tripod, black borders": ({"tripod": True, "crop": "black", "optzoom": 0}, ()),
}


@pytest.mark.parametrize("what", FILMS)
def test_pieces_are_the_film_that_one_command_writes(tmp_path: Path, what: str) -> None:
    """Every picture at its time, looking the same, with the same sound, shape and colours."""
    raw, options = FILMS[what]
    source = odd_media.film(tmp_path / "film.mkv", rate="20", seconds=2.5, options=(*options, *COLOURS))
    whole = desk(source, tmp_path / "whole", handler=StabilizeHandler(), quality=10, **raw)
    summary = whole.run().summary
    assert not pieces(whole)
    pieced = desk(source, tmp_path / "pieced", quality=10, **raw)
    assert pieced.run().summary == summary
    assert len(pieces(pieced)) == -(-summary["frames"] // EACH)
    one, other = (shown(done.output(done.published[0])) for done in (whole, pieced))
    assert one[0] == pytest.approx(other[0], abs=0.002)
    apart = [np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(one[1], other[1], strict=True)]
    assert max(apart) < 3, apart
    first, second = (examine(done.output(done.published[0])) for done in (whole, pieced))
    assert first.picture is not None
    assert second.picture is not None
    assert (first.picture.pixels, first.picture.aspect) == (second.picture.pixels, second.picture.aspect)
    assert [sound.codec for sound in first.sounds] == [sound.codec for sound in second.sounds]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_killed_second_pass_goes_on_with_the_same_bytes(tmp_path: Path, codec: str) -> None:
    """Only what is missing is encoded by the next attempt; no motion is looked for again."""
    source = odd_media.film(tmp_path / "film.mkv", rate="20", seconds=2)
    whole = desk(source, tmp_path / "whole", codec=codec)
    whole.run()
    assert len(pieces(whole)) == 4
    stopped = desk(source, tmp_path / "stopped", codec=codec)
    stopped.stop_after = len(whole.progressed) - 15
    with pytest.raises(StopWork):
        stopped.run()
    assert 0 < len(pieces(stopped)) < 4
    resumed = desk(
        source, tmp_path / "resumed", {name: stopped.output(name) for name in stopped.checkpoints}, codec=codec
    )
    assert resumed.run().summary["detection_kept"] == 40
    assert sorted([*resumed.checkpoints, *stopped.checkpoints]) == sorted(whole.checkpoints)
    assert resumed.outputs() == whole.outputs()
    assert any("frames resumed from an earlier attempt" in note for _, _, note in resumed.progressed)


def test_what_frames_carry_is_written_by_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captions inside the picture would be lost between two programs."""
    monkeypatch.setattr(frames, "_CARRIED", frames._SHOWN)
    done = desk(odd_media.film(tmp_path / "film.mkv", rate="20", seconds=2), tmp_path / "desk")
    done.run()
    assert not pieces(done)
