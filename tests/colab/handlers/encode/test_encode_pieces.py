"""Long films encoded piece by piece: they are what one command would have written, and go on where an attempt ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.encode import EncodeHandler
from colab.video import frames
from colab.video.segments import SegmentLength
from colab.work import StopWork
from media import pipes
from media.examine import examine
from tests.support import odd_media

EACH = 10
"""Frames of a piece here."""


SHORT = EncodeHandler(segments=SegmentLength(fewest=EACH, most=EACH))


def desk(
    source: Path | dict[str, Path],
    folder: Path,
    earlier: Mapping[str, Path] | None = None,
    handler: EncodeHandler = SHORT,
    **raw: Any,
) -> FakeWorkbench:
    given = source if isinstance(source, dict) else {"source": source}
    made = FakeWorkbench(
        kind="encode", raw={"preset": "ultrafast"} | raw, folder=folder, sources=given, handler=handler
    )
    made.earlier = earlier or {}
    return made


def result(done: FakeWorkbench) -> Path:
    return done.output(done.published[0])


def shown(path: Path) -> tuple[list[float], list[Any], list[float]]:
    """Return when each picture is shown, the pictures, and when sound begins and ends."""
    with av.open(str(path)) as film:
        frames = [(float(frame.pts * frame.time_base), frame.to_ndarray()) for frame in film.decode(video=0)]
    with av.open(str(path)) as film:
        heard = [float(frame.pts * frame.time_base) for frame in film.decode(audio=0)] if film.streams.audio else []
    return [at for at, _ in frames], [picture for _, picture in frames], heard[:1] + heard[-1:]


VARYING = "select='not(between(n,10,14))'"
FILMS: dict[str, dict[str, Any]] = {
    "x264": {},
    "x265": {"codec": "hevc", "format": "mov"},
    "svtav1": {"format": "webm"},
    "vp9": {"format": "mkv", "codec": "vp9"},
    "av1 in mp4": {"codec": "av1"},
    "another rate": {"fps": 12.5},
    "cut and smaller": {"operations": ["trim=0.5-2.1", "scale=48"]},
    "loudness": {"loudness": -20},
    "copied sound": {"audio_codec": "copy", "format": "mkv"},
    "no sound": {"audio_codec": "none"},
    "each picture at its own time": {"format": "mkv"},
}


@pytest.mark.parametrize("what", FILMS)
def test_pieces_are_the_film_that_one_command_writes(tmp_path: Path, what: str) -> None:
    """Every picture at its time, looking the same, with the same sound, shape and colours."""
    options = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    shaped = f"setsar=4/3,{VARYING}" if "own time" in what else "setsar=4/3"
    source = odd_media.film(tmp_path / "film.mkv", rate="20", seconds=2.5, options=("-vf", shaped, *options))
    raw = {"quality": 10} | FILMS[what]
    whole = desk(source, tmp_path / "whole", handler=EncodeHandler(), **raw)
    summary = whole.run().summary
    assert not [name for name in whole.checkpoints if name.endswith(".mkv")]
    pieced = desk(source, tmp_path / "pieced", **raw)
    assert pieced.run().summary == summary
    assert len([name for name in pieced.checkpoints if name.endswith(".mkv")]) == -(-summary["frames"] // EACH)
    one, other = shown(result(whole)), shown(result(pieced))
    assert one[0] == pytest.approx(other[0], abs=0.002)
    assert one[2] == pytest.approx(other[2], abs=0.002)
    apart = [np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(one[1], other[1], strict=True)]
    assert max(apart) < 3, apart
    first, second = examine(result(whole)), examine(result(pieced))
    assert first.picture is not None
    assert second.picture is not None
    assert (first.picture.pixels, first.picture.aspect) == (second.picture.pixels, second.picture.aspect)
    assert (first.picture.codec, first.subtitles) == (second.picture.codec, second.subtitles)


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1", "vpx"])
def test_a_killed_encoding_goes_on_with_the_same_bytes(tmp_path: Path, encoder: str) -> None:
    """Only what is missing is encoded by the next attempt, whichever encoder it is."""
    source = odd_media.film(tmp_path / "film.mkv", rate="20", seconds=2)
    raw = {"encoder": encoder, "format": "mkv", "loudness": -18}
    whole = desk(source, tmp_path / "whole", **raw)
    whole.run()
    assert len(whole.checkpoints) == 1 + 4
    stopped = desk(source, tmp_path / "stopped", **raw)
    stopped.stop_after = len(whole.progressed) - 15
    with pytest.raises(StopWork):
        stopped.run()
    assert 1 < len(stopped.checkpoints) < 5
    resumed = desk(source, tmp_path / "resumed", {name: stopped.output(name) for name in stopped.checkpoints}, **raw)
    resumed.run()
    assert sorted([*resumed.checkpoints, *stopped.checkpoints]) == sorted(whole.checkpoints)
    assert resumed.outputs() == whole.outputs()
    assert any("frames resumed from an earlier attempt" in note for _, _, note in resumed.progressed)


def test_a_loudness_that_was_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one from the drop that makes no sense is."""
    source = odd_media.film(tmp_path / "film.mkv", rate="20", seconds=1.5)
    whole = desk(source, tmp_path / "whole", loudness=-18)
    whole.run()
    kept = whole.output("checkpoints/loudness.json")
    for content in (b"[]", b'[{"gain_db": 1e999}]', b'[{"gain_db": 1, "filter": "volume=9"}]', b"\xff", b"[{}, {}]"):
        wrong = tmp_path / "wrong.json"
        wrong.write_bytes(content)
        again = desk(source, tmp_path / content.hex(), {"checkpoints/loudness.json": wrong}, loudness=-18)
        again.run()
        assert "checkpoints/loudness.json" in again.checkpoints
        assert again.outputs() == whole.outputs()
    monkeypatch.setattr("colab.handlers.encode.loudness.level", None)
    resumed = desk(source, tmp_path / "resumed", {"checkpoints/loudness.json": kept}, loudness=-18)
    resumed.run()
    assert resumed.outputs() == whole.outputs()


def test_joined_films_are_made_in_pieces_too(tmp_path: Path) -> None:
    """They have one rate, whatever each had."""
    first = odd_media.film(tmp_path / "a.mkv", rate="20", seconds=1)
    second = odd_media.film(tmp_path / "b.mkv", rate="10", seconds=1, size="64x48")
    done = desk({"source": first, "source-2": second}, tmp_path / "desk")
    done.run()
    assert len(done.checkpoints) == 4
    times, _, _ = shown(result(done))
    assert np.diff(times) == pytest.approx(np.full(39, 0.05))


def test_what_needs_the_whole_film_is_encoded_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What frames carry beside their pixels would be lost between two programs."""
    steady = odd_media.film(tmp_path / "steady.mkv", rate="20", seconds=2)
    monkeypatch.setattr(frames, "_CARRIED", frames._SHOWN)
    done = desk(steady, tmp_path / "steady")
    done.run()
    assert not done.checkpoints


@pytest.mark.parametrize(
    "line",
    [
        "  side data - A/53 closed captions",
        "  side data - Mastering display metadata: …",
        "  side data - Content light level metadata: …",
    ],
)
def test_what_frames_carry_is_seen(line: str) -> None:
    """In ffmpeg's own words; a matrix to turn by, or an encoder's greeting, is nothing to lose."""
    said = "[Parsed_showinfo_1 @ 0x55aa]"
    assert frames._CARRIED.match(f"{said} {line}")
    assert not frames._CARRIED.match(f"{said}   side data - User Data Unregistered: ")
    assert not frames._CARRIED.match(f"{said}   side data - 3x3 displaymatrix: rotation of -90.00 degrees")


def test_no_more_than_a_frame_at_a_time_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames pass one by one, however long the film."""
    handed: list[int] = []
    write = pipes.FrameWriter.write
    monkeypatch.setattr(pipes.FrameWriter, "write", lambda pipe, frame: (handed.append(1), write(pipe, frame))[1])
    done = desk(odd_media.film(tmp_path / "film.mkv", rate="20", seconds=2), tmp_path / "desk")
    done.run()
    assert len(handed) == 40
