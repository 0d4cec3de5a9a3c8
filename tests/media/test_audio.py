"""Untrusted audio files are complete, or refused with MediaError and no other error."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import audio
from media.ffmpeg import find
from media.loudness import loudness
from protocol.errors import MediaError
from tests.support.media import RATE, speechlike, tone


def test_a_complete_clip_has_a_length(tmp_path: Path) -> None:
    """A valid WAV is accepted, with its length."""
    assert audio.check_wav(tone(tmp_path / "a.wav", 1.5)) == pytest.approx(1.5)


@pytest.mark.parametrize("cut", [0, 3, 11, 12, 30, 44, 45, 1000, -1])
def test_a_truncated_clip_is_refused(tmp_path: Path, cut: int) -> None:
    """A file shorter than its header says is incomplete."""
    data = tone(tmp_path / "a.wav", 0.5).read_bytes()
    (tmp_path / "b.wav").write_bytes(data[:cut])
    with pytest.raises(MediaError):
        audio.check_wav(tmp_path / "b.wav")


def test_a_playlist_is_refused(tmp_path: Path) -> None:
    """A playlist, which ffmpeg would follow to other files, is refused because of its first bytes."""
    (tmp_path / "a.wav").write_text("ffconcat version 1.0\nfile '/etc/passwd'\n")
    with pytest.raises(MediaError, match="not a WAV"):
        audio.check_wav(tmp_path / "a.wav")


def test_a_clip_without_sound_is_refused(tmp_path: Path) -> None:
    """A file without samples is refused."""
    with pytest.raises(MediaError):
        audio.check_wav(tone(tmp_path / "a.wav", 0))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 60), byte=st.integers(0, 255))
def test_damaged_headers_raise_nothing_else(tmp_path: Path, place: int, byte: int) -> None:
    """With any byte of the header changed, the clip is accepted or refused; nothing crashes."""
    data = bytearray(tone(tmp_path / "a.wav", 0.05).read_bytes())
    data[place] = byte
    (tmp_path / "b.wav").write_bytes(bytes(data))
    seconds = None
    with contextlib.suppress(MediaError):
        seconds = audio.check_wav(tmp_path / "b.wav")
    assert seconds is None or seconds > 0


def test_reading_resamples_and_mixes_down(tmp_path: Path) -> None:
    """A clip is returned in mono at the requested rate, with the same level."""
    audio.write_wav(tmp_path / "a.wav", np.full(RATE, 0.5, np.float32), RATE)
    samples = audio.read_mono(tmp_path / "a.wav", 48_000)
    assert samples.size == 48_000
    assert samples[1000:-1000] == pytest.approx(0.5, abs=0.01)


def test_ffmpegs_measure_and_ours_agree(tmp_path: Path) -> None:
    """Two implementations of the loudness standard agree within half a LU."""
    sound = speechlike(tmp_path / "a.wav", 6, level=0.1)
    found = audio.measure_loudness(find(), sound)
    assert loudness(audio.read_mono(sound, RATE), RATE) == pytest.approx(found.integrated_lufs, abs=0.5)
