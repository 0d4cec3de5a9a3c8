"""Pictures with their times out of ffmpeg, as it reads them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from media import ffmpeg, reading
from media.examine import examine
from media.reading import _tone_curve, fitted, frames, heard
from protocol.errors import MediaError
from tests.support import odd_media


def read(path, size=(32, 24), **more):
    with frames(ffmpeg.find(), examine(path), size, **more) as shown:
        return list(shown)


def test_every_picture_comes_with_its_own_time(tmp_path):
    """Whatever the rate does, times are those that the decoder tells."""
    path = odd_media.FILMS["variable rate"](tmp_path)
    with av.open(str(path)) as container:
        expected = [frame.time for frame in container.decode(video=0)]
    assert len({round(after - before, 3) for before, after in itertools.pairwise(expected)}) > 1
    assert [at for at, _ in read(path)] == pytest.approx(expected, abs=1e-4)


def test_reading_can_begin_at_any_picture(tmp_path):
    """From a time on, the same pictures come with the same times, between key pictures too."""
    path = odd_media.film(tmp_path / "film.mp4", rate="24000/1001", seconds=1, sound=False)
    whole = read(path)
    for place in (1, 7, 20):
        part = read(path, start_s=whole[place][0] - 0.0005)
        assert [at for at, _ in part] == [at for at, _ in whole[place:]]
        assert all((a == b).all() for (_, a), (_, b) in zip(part, whole[place:], strict=True))


def test_what_is_transparent_lies_on_white(tmp_path):
    """Half transparent black is grey, and the colour of what cannot be seen does not matter."""
    path = tmp_path / "clear.png"
    picture = np.zeros((24, 32, 4), np.uint8)
    picture[:, :16] = (0, 0, 255, 0)
    picture[:, 16:] = (0, 0, 0, 128)
    cv2.imwrite(str(path), picture)
    [(at, shown)] = read(path)
    assert at == 0
    assert (shown[:, :15] == 255).all()
    assert abs(int(shown[12, 24, 0]) - 127) <= 1


def test_a_film_that_holds_nothing_to_decode_is_an_error(tmp_path):
    """A file that changed after it was examined is no endless wait and no empty answer."""
    path = odd_media.film(tmp_path / "film.mkv")
    media = examine(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(MediaError), frames(ffmpeg.find(), media, (32, 24)) as shown:
        list(shown)


def test_an_end_before_the_film_ends_leaves_no_program_behind(tmp_path, monkeypatch):
    """Whoever stops reading is not held up, and ffmpeg is gone."""
    path = odd_media.film(tmp_path / "film.mp4", seconds=4, size="320x240")
    program, media, started = ffmpeg.find(), examine(path), []
    begin = subprocess.Popen

    def noted(*command, **how):
        started.append(begin(*command, **how))
        return started[-1]

    monkeypatch.setattr(reading.subprocess, "Popen", noted)
    with frames(program, media, (320, 240)) as shown:
        next(shown)
        (process,) = started
        assert process.poll() is None, "it has more to show than fits into the pipe"
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_words_come_line_by_line_and_their_reader_may_fail(tmp_path):
    """What goes wrong in reading them is raised at the end, not lost in a thread."""

    def fail(line: str) -> None:
        raise ValueError(line)

    path = odd_media.SOUNDS["silence"](tmp_path)
    with (
        heard(ffmpeg.find(), examine(path), fail, silence_db=-50, silence_s=0.5) as listening,
        pytest.raises(ValueError, match="@ 0x"),
    ):
        listening.finish()


@pytest.mark.skipif(sys.platform == "win32", reason="a program is a shell script here")
@pytest.mark.parametrize(("script", "why"), [("exec sleep 60", "gave nothing"), ("kill -SEGV $$", "failed")])
def test_a_program_that_hangs_or_breaks_is_an_error(script, why, tmp_path, monkeypatch):
    """Neither an endless wait nor a film that is over early."""
    monkeypatch.setattr(reading, "STALL_S", 0.3)
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    media = examine(odd_media.film(tmp_path / "film.mkv", sound=False))
    with (
        frames(ffmpeg.Ffmpeg(path=program, version="0"), media, (32, 24)) as shown,
        pytest.raises(MediaError, match=why),
    ):
        list(shown)


def test_sizes_keep_their_shape_and_are_never_enlarged():
    """The longer side is the one that is asked for."""
    assert fitted((1920, 1080), 320) == (320, 180)
    assert fitted((1080, 1920), 320) == (180, 320)
    assert fitted((100, 40), 320) == (100, 40)
    assert fitted((16_000, 2), 320) == (320, 2)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_a_tone_curve_rises_from_black_to_white(transfer):
    """And what is as bright as paper is neither grey nor blown out."""
    curve = _tone_curve(transfer).astype(int)
    assert (np.diff(curve) >= 0).all()
    assert (curve[0], curve[-1]) == (0, 255)
    paper = curve[round(255 * {"smpte2084": 0.58, "arib-std-b67": 0.75}[transfer])]
    assert 160 < paper < 235
