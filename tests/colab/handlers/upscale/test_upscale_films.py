"""Films made larger: everything but their size is as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from media import ffmpeg
from protocol.errors import JobFailed
from tests.colab.handlers.upscale.conftest import Done, frames, shown_at
from tests.support.odd_media import FILMS, film, run

Upscale = Callable[..., Done]


def test_a_film_is_twice_as_large_and_looks_the_same(upscale: Upscale, tmp_path: Path) -> None:
    """Every frame, shrunk again, is nearly the frame that it came from."""
    smooth = "gradients=size=64x48:rate=12:duration=0.5:seed=3"
    source = film(tmp_path / "a.mp4", sound=False, picture=smooth)
    done = upscale(source)
    before, after = frames(source), frames(done.path)
    small = after.reshape(len(after), 48, 2, 64, 2, 3).mean((2, 4))
    assert after.shape == (6, 96, 128, 3)
    assert np.abs(small - before).mean() < 2


@pytest.mark.parametrize(
    ("asked", "size"), [({"scale": 1.5}, (96, 72)), ({"height": 96}, (128, 96)), ({"width": 200}, (200, 150))]
)
def test_the_size_is_the_one_asked_for(
    upscale: Upscale, tmp_path: Path, asked: dict[str, float], size: tuple[int, int]
) -> None:
    """By a scale, a height or a width."""
    done = upscale(film(tmp_path / "a.mp4", sound=False, seconds=0.2), **asked)
    assert done.media.picture is not None
    assert done.media.picture.size == size


def test_a_turned_film_stays_turned_and_its_height_is_what_a_viewer_sees(upscale: Upscale, tmp_path: Path) -> None:
    """The mark that turns it is kept; 128 high is 128 as shown."""
    picture = upscale(FILMS["rotated"](tmp_path), height=128).media.picture
    assert picture is not None
    assert (picture.rotation, picture.size, picture.shown) == (90, (128, 96), (96, 128))


def test_wide_pixels_stay_wide(upscale: Upscale, tmp_path: Path) -> None:
    """The aspect of a pixel is kept."""
    picture = upscale(FILMS["wide pixels"](tmp_path)).media.picture
    assert picture is not None
    assert picture.aspect == (4, 3)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_frames_of_changing_rate_are_shown_when_they_were(upscale: Upscale, tmp_path: Path, suffix: str) -> None:
    """To the millisecond, in every format."""
    source = FILMS["variable rate"](tmp_path)
    done = upscale(source, format=suffix)
    assert shown_at(done.path) == pytest.approx(shown_at(source), abs=0.0011)
    assert "timing" not in done.result.summary


def test_hdr_keeps_ten_bits_and_its_tags(upscale: Upscale, tmp_path: Path) -> None:
    """Primaries, transfer, matrix and range come through, and so does the depth."""
    tags = "setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084"
    source = tmp_path / "hdr.mkv"
    made = f"testsrc2=size=64x48:rate=12:duration=0.3,format=yuv420p10le,{tags}"
    run(["-f", "lavfi", "-i", made, "-c:v", "ffv1", source])
    picture = upscale(source).media.picture
    assert picture is not None
    pixels = picture.pixels
    assert (pixels.bits, pixels.is_hdr, picture.codec) == (10, True, "hevc")
    assert (pixels.primaries, pixels.transfer, pixels.space, pixels.range) == ("bt2020", "smpte2084", "bt2020nc", "tv")


@pytest.mark.parametrize("span", ["tv", "pc"])
def test_the_range_of_the_colours_is_kept(upscale: Upscale, tmp_path: Path, span: str) -> None:
    """Black and white stay where they were, and are tagged so."""
    picture = (
        f"color=white:size=64x48:rate=12:duration=0.3,scale=out_range={span},setparams=range={span},format=yuv420p"
    )
    source = film(tmp_path / "a.mp4", sound=False, picture=picture)
    done = upscale(source)
    assert done.media.picture is not None
    assert done.media.picture.pixels.range == span
    assert np.median(frames(done.path, "yuv420p" if span == "tv" else "yuvj420p")[:, :96]) == pytest.approx(
        235 if span == "tv" else 255, abs=1
    )


def test_an_untagged_small_film_is_tagged_as_players_took_it(upscale: Upscale, tmp_path: Path) -> None:
    """Grown past 720 lines it would change its colours without the tag."""
    picture = upscale(film(tmp_path / "a.mp4", sound=False, seconds=0.2)).media.picture
    assert picture is not None
    assert picture.pixels.space == "smpte170m"


def _with_subtitles(folder: Path) -> Path:
    text = folder / "a.srt"
    text.write_text("1\n00:00:00,100 --> 00:00:00,900\nhello\n")
    path = folder / "subtitled.mkv"
    run(["-i", film(folder / "bare.mkv"), "-i", text, "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt",
         "-metadata", "title=A walk", path])  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("suffix", "changed"), [("mkv", None), ("mp4", ["subtitle 2: subrip to mov_text, because mp4 cannot hold it"])]
)
def test_sound_subtitles_and_title_come_along(
    upscale: Upscale, tmp_path: Path, suffix: str, changed: list[str] | None
) -> None:
    """Sound is copied bit for bit; what a format cannot hold as it is gets changed, and that is said."""
    source = _with_subtitles(tmp_path)
    done = upscale(source, format=suffix)
    assert done.media.subtitles == 1
    assert done.result.summary.get("changed") == changed
    assert _sound(done.path) == _sound(source)
    with av.open(str(done.path)) as container:
        assert container.metadata["title"] == "A walk"


def _sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_sound_that_begins_first_stays_first(upscale: Upscale, tmp_path: Path) -> None:
    """A picture that starts later than its sound still does."""
    late = tmp_path / "late.mkv"
    run(["-itsoffset", "0.5", "-i", film(tmp_path / "p.mkv", sound=False), "-i", film(tmp_path / "s.mkv"),
         "-map", "0:v", "-map", "1:a", "-c", "copy", late])  # fmt: skip
    with av.open(str(upscale(late).path)) as container:
        first = next(container.decode(video=0))
        assert first.time == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("name", ["one frame", "odd sizes", "without sound"])
def test_odd_films_are_done(upscale: Upscale, tmp_path: Path, name: str) -> None:
    """As many frames come out as went in."""
    source = FILMS[name](tmp_path)
    assert len(frames(upscale(source).path)) == len(frames(source))


def test_the_engine_says_that_it_is_the_embedded_one(upscale: Upscale, tmp_path: Path) -> None:
    """Who expects a network is told what kept it."""
    result = upscale(film(tmp_path / "a.mp4", sound=False, seconds=0.2)).result
    assert (result.engine.name, result.engine.tier, result.engine.device) == ("ffmpeg-lanczos", "embedded", "cpu")
    assert "realesrgan" in result.summary["passed_over"][0]


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        ({"height": 40}, "BAD_REQUEST", "64x48 already"),
        ({"width": 16000}, "BAD_REQUEST", "250.0 times"),
        ({"model": "nobody"}, "UNSUPPORTED", "nobody"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_numbers(
    at_desk: Callable[..., FakeWorkbench], tmp_path: Path, raw: dict[str, object], code: str, words: str
) -> None:
    """Nothing is made, and the reason names what was asked."""
    desk = at_desk(film(tmp_path / "a.mp4", sound=False, seconds=0.2), **raw)
    with pytest.raises(JobFailed, match=words) as failed:
        desk.run()
    assert failed.value.code == code
    assert not desk.published


def test_a_film_too_large_to_encode_is_refused_before_any_work(
    at_desk: Callable[..., FakeWorkbench], tmp_path: Path
) -> None:
    """The reason says which scale would do."""
    source = film(tmp_path / "a.mp4", sound=False, seconds=0.1, size="2000x1500")
    desk = at_desk(source, scale=8)
    with pytest.raises(JobFailed, match=r"16000x12000.*scale of 3\.46 or less") as failed:
        desk.run()
    assert failed.value.code == "BAD_REQUEST"
    assert not desk.progressed


def test_the_ffmpeg_that_has_the_encoder_does_the_work(
    at_desk: Callable[..., FakeWorkbench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system's ffmpeg without x265 is passed over for a film of 10 bits, not found out half-way."""
    real = ffmpeg.find().path
    (tmp_path / "bin").mkdir()
    poor = tmp_path / "bin" / "ffmpeg"
    poor.write_text(
        f'#!/bin/sh\ncase "$*" in *-encoders*) {real} "$@" | grep -v libx265;; *libx265*) exit 9;; '
        f'*) exec {real} "$@";; esac\n'
    )
    poor.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    ffmpeg._found.cache_clear()
    try:
        assert ffmpeg.find().path == poor
        desk = at_desk(film(tmp_path / "a.mkv", sound=False, seconds=0.2, options=("-pix_fmt", "yuv420p10le")))
        desk.run()
        assert desk.published
    finally:
        ffmpeg._found.cache_clear()
