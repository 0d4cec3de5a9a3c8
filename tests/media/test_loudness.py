"""Loudness compared with the standard's figures, and normalisation without clipping."""

from __future__ import annotations

import numpy as np
import pytest

from media.loudness import PEAK_LIMIT, loudness, normalize_loudness


def tone(hertz: float, level_db: float, rate: int, seconds: float) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@pytest.mark.parametrize("rate", [22050, 24000, 48000])
@pytest.mark.parametrize("seconds", [0.2, 3.0])
def test_a_calibration_tone_reads_as_the_standard_says(rate, seconds):
    """A sine of 997 Hz at -20 dBFS in one channel is -23 LUFS, at any rate and length."""
    assert loudness(tone(997, -20, rate, seconds), rate) == pytest.approx(-23.0, abs=0.1)


def test_bass_counts_less():
    """40 Hz counts much less than 1 kHz at the same level, as in hearing."""
    assert loudness(tone(40, -20, 24000, 3), 24000) < loudness(tone(997, -20, 24000, 3), 24000) - 4


def test_pauses_do_not_count():
    """Silence between two sounds does not change the loudness."""
    sound = tone(997, -20, 24000, 2)
    paused = np.concatenate([sound, np.zeros(72000, dtype=np.float32), sound])
    assert loudness(paused, 24000) == pytest.approx(-23.0, abs=0.4)


@pytest.mark.parametrize("level", [-50, -20, -3])
def test_evening_out_reaches_the_target(level):
    """Quiet and loud audio both end at the target."""
    assert loudness(normalize_loudness(tone(440, level, 24000, 1), 24000, -20.0), 24000) == pytest.approx(
        -20.0, abs=0.05
    )


def test_peaks_are_limited_smoothly():
    """A burst in quiet audio stays below the limit, audio far from it keeps its gain, and nothing is clipped."""
    sound = tone(300, -30, 24000, 2)
    sound[24000:24240] *= 25
    louder = normalize_loudness(sound, 24000, -12.0)
    assert float(np.abs(louder).max()) <= PEAK_LIMIT + 1e-6
    at_limit = np.flatnonzero(np.abs(louder) > PEAK_LIMIT - 1e-6)
    assert not (np.diff(at_limit) == 1).any()
    gain = louder[:12000].std() / sound[:12000].std()
    assert louder[-12000:].std() / sound[-12000:].std() == pytest.approx(gain, rel=1e-4)


@pytest.mark.parametrize("samples", [np.zeros(0, dtype=np.float32), np.zeros(24000, dtype=np.float32)])
def test_silence_stays_silence(samples):
    """Silence has no loudness and stays unchanged."""
    assert loudness(samples, 24000) == float("-inf")
    assert not normalize_loudness(samples, 24000, -20.0).any()
