"""What is done to the samples of one utterance before it may stand beside others. Pure functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from colab.handlers.tts.engine import Samples

FRAME_S = 0.005
"""The grain at which sound and silence are told apart."""

QUIET = 0.006
"""A frame whose peak is under this share of the utterance's peak (-44 dB) counts as silence; soft consonants do not."""

_INAUDIBLE = 1e-3
_HIGH_PASS_HZ = (30.0, 60.0)


def without_rumble(samples: Samples, rate: int) -> Samples:
    """Return the samples without offset and without what lies below the voice (nothing under 30 Hz, all over 60 Hz)."""
    if not samples.size:
        return samples
    size = 1 << samples.size.bit_length()  # a power of two: other sizes take up to 20 times as long
    spectrum = np.fft.rfft(samples, size)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    low, high = _HIGH_PASS_HZ
    spectrum *= np.clip((hertz - low) / (high - low), 0.0, 1.0)
    return np.fft.irfft(spectrum, size)[: samples.size].astype(np.float32)


def loud_frames(samples: Samples, rate: int) -> NDArray[np.intp]:
    """Return the places of the frames (of FRAME_S) that hold sound; none where there is only silence."""
    size = max(1, round(FRAME_S * rate))
    padded = np.pad(np.abs(samples), (0, -samples.size % size))
    peaks = padded.reshape(-1, size).max(axis=1) if padded.size else padded
    return np.flatnonzero(peaks > max(_INAUDIBLE, QUIET * float(peaks.max(initial=0.0))))


def faded(samples: Samples, rate: int, in_s: float, out_s: float) -> Samples:
    """Return the samples rising from and falling to exactly zero, so that they can be joined to silence."""
    shaped = samples.copy()
    rise = min(round(in_s * rate), shaped.size)
    fall = min(round(out_s * rate), shaped.size)
    if rise:
        shaped[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
    if fall:
        shaped[-fall:] *= np.linspace(1.0, 0.0, fall, dtype=np.float32)
    return shaped
