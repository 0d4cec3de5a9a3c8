"""Frames with their times, read while ffmpeg decodes."""

from __future__ import annotations

import itertools
import os
import sys

import av
import cv2
import numpy as np
import pytest

from media import ffmpeg
from media.examine import examine
from media.sampling import _tone_curve, fit_within, measure_audio, sample_frames
from protocol.errors import MediaError
from tests.support import odd_media


def read(path, size=(32, 24), **more):
    with sample_frames(ffmpeg.find(), examine(path), size, **more) as shown:
        return list(shown)


def test_every_frame_comes_with_its_own_time(tmp_path):
    """Even at a variable rate, times are those of the decoder."""
    path = odd_media.FILMS["variable rate"](tmp_path)
    with av.open(str(path)) as container:
        expected = [frame.time for frame in container.decode(video=0)]
    assert len({round(after - before, 3) for before, after in itertools.pairwise(expected)}) > 1
    assert [at for at, _ in read(path)] == pytest.approx(expected, abs=1e-4)


def test_reading_can_begin_at_any_frame(tmp_path):
    """From a given time on, the same frames come with the same times, between key frames too."""
    path = odd_media.film(tmp_path / "film.mp4", rate="24000/1001", seconds=1, sound=False)
    whole = read(path)
    for place in (1, 7, 20):
        part = read(path, start_s=whole[place][0] - 0.0005)
        assert [at for at, _ in part] == [at for at, _ in whole[place:]]
        assert all((a == b).all() for (_, a), (_, b) in zip(part, whole[place:], strict=True))


def test_transparency_is_shown_on_white(tmp_path):
    """Half transparent black is grey, and the colour of invisible pixels does not matter."""
    path = tmp_path / "clear.png"
    picture = np.zeros((24, 32, 4), np.uint8)
    picture[:, :16] = (0, 0, 255, 0)
    picture[:, 16:] = (0, 0, 0, 128)
    cv2.imwrite(str(path), picture)
    [(at, shown)] = read(path)
    assert at == 0
    assert (shown[:, :15] == 255).all()
    assert abs(int(shown[12, 24, 0]) - 127) <= 1


def test_a_video_without_decodable_frames_is_an_error(tmp_path):
    """A file that changed after it was examined causes neither an endless wait nor an empty result."""
    path = odd_media.film(tmp_path / "film.mkv")
    media = examine(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(MediaError), sample_frames(ffmpeg.find(), media, (32, 24)) as shown:
        list(shown)


def test_stopping_early_leaves_no_process_behind(tmp_path):
    """A caller that stops reading is not delayed, and ffmpeg has ended."""
    path = odd_media.film(tmp_path / "film.mp4", seconds=4, size="320x240")
    program, pid_file = tmp_path / "ffmpeg", tmp_path / "pid"
    program.write_text(f'#!/bin/sh\necho $$ > {pid_file}\nexec {ffmpeg.find().path} "$@"\n')
    program.chmod(0o755)
    with sample_frames(ffmpeg.Ffmpeg(path=program, version="0"), examine(path), (320, 240)) as shown:
        next(shown)
        pid = int(pid_file.read_text())
        os.kill(pid, 0)  # it still runs: its frames do not fit into the pipe
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_lines_are_passed_on_and_their_reader_may_fail(tmp_path):
    """An error in the reader is raised at the end, and not lost in a thread."""

    def fail(line: str) -> None:
        raise ValueError(line)

    path = odd_media.SOUNDS["silence"](tmp_path)
    with (
        measure_audio(ffmpeg.find(), examine(path), fail, silence_db=-50, silence_s=0.5) as listening,
        pytest.raises(ValueError, match="@ 0x"),
    ):
        listening.finish()


@pytest.mark.skipif(sys.platform == "win32", reason="a program is a shell script here")
@pytest.mark.parametrize(("script", "why"), [("exec sleep 60", "produced nothing for"), ("kill -SEGV $$", "failed")])
def test_a_program_that_hangs_or_crashes_is_an_error(script, why, tmp_path):
    """It causes neither an endless wait nor a video that ends early."""
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    media = examine(odd_media.film(tmp_path / "film.mkv", sound=False))
    with (
        sample_frames(ffmpeg.Ffmpeg(path=program, version="0"), media, (32, 24), stall_s=0.3) as shown,
        pytest.raises(MediaError, match=why),
    ):
        list(shown)


def test_sizes_keep_their_shape_and_are_never_enlarged():
    """The longer side gets the requested length."""
    assert fit_within((1920, 1080), 320) == (320, 180)
    assert fit_within((1080, 1920), 320) == (180, 320)
    assert fit_within((100, 40), 320) == (100, 40)
    assert fit_within((16_000, 2), 320) == (320, 2)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_a_tone_curve_rises_from_black_to_white(transfer):
    """Paper white is neither grey nor blown out."""
    curve = _tone_curve(transfer).astype(int)
    assert (np.diff(curve) >= 0).all()
    assert (curve[0], curve[-1]) == (0, 255)
    paper = curve[round(255 * {"smpte2084": 0.58, "arib-std-b67": 0.75}[transfer])]
    assert 160 < paper < 235
