"""What is said of films, pictures and sounds, against what they were made of."""

from __future__ import annotations

import math
import re

import cv2
import numpy as np
import pytest

from colab.handlers.analyze.listening import SoundMeter
from protocol.errors import JobFailed, MediaError
from protocol.kinds.analyze import SHEET
from tests.support import odd_media


def test_shots_black_and_frozen_parts_are_where_they_were_put(parts, analyse):
    """Cuts are found to the picture; black is black and stands still, and so does one colour."""
    told, _ = analyse(parts, freeze_seconds=0.8)
    assert [(shot.start_s, shot.end_s) for shot in told.shots] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert [(shot.start_frame, shot.end_frame) for shot in told.shots] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert [(span.start_s, span.end_s) for span in told.black] == [(1, 2)]
    assert [(span.start_s, span.end_s) for span in told.freeze] == [(1, 2), (2, 3)]


def test_what_moves_moves_and_what_is_green_is_green(parts, analyse):
    """A shot's look is that of its own pictures: what changes at the cut is no motion."""
    told, _ = analyse(parts)
    assert told.shots[0].look.motion > 0.01
    assert told.shots[2].look.motion == 0
    assert told.shots[1].look.brightness < 0.01
    assert told.shots[0].look.sharpness > 100 > 1 > told.shots[2].look.sharpness
    colour = [int(told.shots[2].dominant[0].colour[place : place + 2], 16) for place in (1, 3, 5)]
    assert np.allclose(colour, (0x20, 0xC0, 0x40), atol=4)
    assert told.shots[2].dominant[0].share == 1
    assert told.overall is not None
    assert told.overall.motion == pytest.approx(np.mean([shot.look.motion for shot in told.shots]), rel=0.01)
    assert told.curves is not None
    assert told.curves.brightness.values[2] == pytest.approx(told.shots[1].look.brightness, abs=0.01)


def test_the_sound_is_measured_beside(parts, analyse):
    """A sine of amplitude 1/16 is at about -28 LUFS, and its second of silence is found."""
    told, _ = analyse(parts)
    assert told.loudness is not None
    assert told.loudness.integrated_lufs == pytest.approx(20 * math.log10(0.125 * 0.5) - 3.7, abs=0.6)
    assert told.loudness.true_peak_dbfs == pytest.approx(20 * math.log10(0.125 * 0.5), abs=0.3)
    assert [(round(span.start_s, 1), round(span.end_s, 1)) for span in told.silence] == [(2, 3)]
    momentary = told.loudness.momentary
    assert len(momentary.values) * momentary.step_s == pytest.approx(4, abs=0.2)
    assert momentary.values[int(2.7 / momentary.step_s)] < -60 < -30 < momentary.values[int(1.5 / momentary.step_s)]


def test_the_picture_of_a_shot_lies_in_it_and_is_not_black(parts, analyse):
    """Each representative picture lies within its shot, away from its edges where all are alike sharp."""
    told, _ = analyse(parts)
    for shot in told.shots:
        assert shot.start_s <= shot.representative_s < shot.end_s
    assert 2.2 < told.shots[2].representative_s < 2.8


def test_a_sound_alone_has_loudness_and_no_sheet(tmp_path, analyse):
    """Nothing is said of pictures that are not there, and silence has no loudness at all."""
    told, desk = analyse(odd_media.SOUNDS["silence"](tmp_path))
    assert desk.published == ["source.analysis.json"]
    assert (told.shots, told.overall, told.measured) == ((), None, None)
    assert told.loudness is not None
    assert told.loudness.integrated_lufs is None
    assert [(span.start_s, span.end_s) for span in told.silence] == [(0, 1)]


def test_a_sheet_of_a_sound_is_refused(tmp_path, put):
    """Who asks for it without asking the kind what fits is told."""
    desk = put(odd_media.SOUNDS["silence"](tmp_path))
    desk.params = desk.params.model_copy(update={"sheet": True})
    with pytest.raises(JobFailed, match="no contact sheet") as failed:
        desk.run()
    assert failed.value.code == "BAD_REQUEST"


def test_a_picture_is_one_shot_of_no_length(tmp_path, analyse):
    """Colours and sharpness of a still picture; what is transparent counts as white."""
    clear = tmp_path / "clear.png"
    cv2.imwrite(str(clear), np.zeros((40, 60, 4), np.uint8))
    told, _ = analyse(clear)
    assert [(shot.start_s, shot.end_s, shot.end_frame) for shot in told.shots] == [(0, 0, 1)]
    assert told.shots[0].dominant[0].colour == "#ffffff"
    assert told.dominant == told.shots[0].dominant
    assert told.media.seconds is None
    assert (told.black, told.freeze, told.curves) == ((), (), None)
    assert any("transparent" in note for note in told.notes)


def test_times_are_those_of_the_file_when_the_rate_varies(tmp_path, analyse):
    """A film of 24 pictures whose every fifth is missing lasts as long as before, and loses no time at its gaps."""
    told, _ = analyse(odd_media.FILMS["variable rate"](tmp_path))
    assert told.media.picture is not None
    assert not told.media.picture.steady
    assert told.shots[-1].end_s == pytest.approx(told.media.seconds, abs=0.1)
    assert told.shots[-1].end_frame == told.media.picture.frames


def test_a_turned_film_is_measured_and_shown_upright(tmp_path, analyse):
    """What a viewer sees on the left is on the left of the sheet, although it is stored at the top."""
    stored, turned = tmp_path / "stored.mp4", tmp_path / "turned.mp4"
    halves = "color=red:size=64x24:rate=5:duration=1[a];color=blue:size=64x24:rate=5:duration=1[b];[a][b]vstack"
    odd_media.run(["-f", "lavfi", "-i", halves, "-c:v", "libx264", "-pix_fmt", "yuv420p", stored])
    odd_media.run(["-display_rotation", "90", "-i", stored, "-c", "copy", turned])
    told, desk = analyse(turned)
    assert told.media.picture is not None
    assert (told.media.picture.width, told.media.picture.height) == (48, 64)
    sheet = cv2.imread(str(desk.output(SHEET)))
    left, right = sheet[30, 12], sheet[30, 44]
    assert left[2] > 200 > 60 > left[0]
    assert right[0] > 200 > 60 > right[2]


def test_high_dynamic_range_is_said_to_be_approximate(tmp_path, analyse):
    """Its figures are those of a tone mapping, and who reads them is told."""
    bright = tmp_path / "bright.mkv"
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    source = f"testsrc2=size=64x48:rate=5:duration=1,format=yuv420p10le,{tags}"
    odd_media.run(["-f", "lavfi", "-i", source, "-c:v", "ffv1", bright])
    told, _ = analyse(bright)
    assert told.media.picture is not None
    assert (told.media.picture.hdr, told.media.picture.bits) == (True, 10)
    assert any("dynamic range" in note for note in told.notes)
    assert told.overall is not None
    assert 0.05 < told.overall.brightness < 0.9


def test_fewer_pictures_can_be_looked_at(parts, analyse):
    """At five a second half of them are, cuts stay within the step, and nobody is told numbers of pictures."""
    told, _ = analyse(parts, sample_fps=5, detector="content")
    assert [shot.start_s for shot in told.shots] == pytest.approx([0, 1, 2, 3], abs=0.2)
    assert all(shot.start_frame is None for shot in told.shots)
    assert told.measured is not None
    assert told.measured.sample_fps == 5


def test_a_sound_that_cannot_be_decoded_costs_the_sound(parts, analyse, monkeypatch):
    """Its pictures are analysed all the same, and that is said; a sound alone is refused."""

    def fail(self):
        raise MediaError("ffmpeg failed (1): /a/path/of/this/worker")

    monkeypatch.setattr(SoundMeter, "finish", fail)
    told, _ = analyse(parts)
    assert told.loudness is None
    assert len(told.shots) == 4
    assert any("sound could not be decoded" in note for note in told.notes)
    assert "worker" not in str(told.notes)


def test_a_sound_alone_that_cannot_be_decoded_is_refused(tmp_path, analyse, monkeypatch):
    """There is nothing left to analyse."""

    def fail(self):
        raise MediaError("ffmpeg failed (1): no sound")

    monkeypatch.setattr(SoundMeter, "finish", fail)
    with pytest.raises(JobFailed, match="no sound") as failed:
        analyse(odd_media.SOUNDS["silence"](tmp_path))
    assert failed.value.code == "INPUT_CORRUPT"


def test_a_torn_film_gives_what_is_left(tmp_path, analyse):
    """Packets in the middle that nobody can decode cost these pictures, and that is said."""
    torn = tmp_path / "torn.avi"
    odd_media.run(["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2", "-c:v", "mjpeg", torn])
    data = bytearray(torn.read_bytes())
    starts = [found.start() for found in re.finditer(rb"00dc....\xff\xd8", data, re.DOTALL)]
    for start in starts[20:28]:
        data[start + 8 : start + 700] = bytes(692)
    torn.write_bytes(data)
    told, _ = analyse(torn)
    assert len(told.shots) >= 1
    assert any("could not be decoded" in note for note in told.notes)
