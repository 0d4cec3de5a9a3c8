"""Loudness of speech, measured as in broadcasting, and normalised without clipping. Pure functions of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono, full scale is ±1."""

Spectrum = NDArray[np.complexfloating[Any, Any]]

PEAK_LIMIT = 0.84
"""-1.5 dBFS, which leaves headroom for resampling and lossy encoding."""

_BLOCK_S = 0.4
_HOPS = 4
_RELATIVE_GATE = 10 ** (-10 / 10)
_ABSOLUTE_GATE = 10 ** (-70 / 10)
_OFFSET_DB = -0.691
_LIMITER_S = 0.001
_REACH = 5  # frames of _LIMITER_S to either side


def loudness(samples: Samples, rate: int) -> float:
    """Return the gated loudness in LUFS (ITU-R BS.1770-4), -inf for silence.

    Audio shorter than a block of 400 ms counts as one block, because a clip may be a single word.
    """
    weighted = _k_weighted(samples, rate)
    size = max(1, min(round(_BLOCK_S * rate), weighted.size))
    energy = np.concatenate([[0.0], np.cumsum(weighted * weighted)])
    starts = np.arange(0, weighted.size - size + 1, max(1, size // _HOPS))
    power = (energy[starts + size] - energy[starts]) / size
    power = power[power > _ABSOLUTE_GATE]
    if not power.size:
        return float("-inf")
    power = power[power > power.mean() * _RELATIVE_GATE]
    return _OFFSET_DB + 10 * float(np.log10(power.mean()))


def _k_weighted(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Apply the two filters of BS.1770 (head and low frequencies) by their magnitude; phase does not matter."""
    size = 1 << max(1, samples.size.bit_length())
    spectrum = np.fft.rfft(samples, size)
    s = 2j * np.pi * np.fft.rfftfreq(size, 1 / rate)
    spectrum *= np.abs(_shelf(s) * _high_pass(s))
    weighted: NDArray[np.float64] = np.fft.irfft(spectrum, size)[: samples.size]
    return weighted


def _shelf(s: Spectrum) -> Spectrum:
    """+4 dB above 1.7 kHz: the analogue prototype of the standard's coefficients (De Man, 2014)."""
    w, q, gain = 2 * np.pi * 1681.974450955533, 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = gain**0.4996667741545416
    response: Spectrum = (gain * s * s + middle * w / q * s + w * w) / (s * s + w / q * s + w * w)
    return response


def _high_pass(s: Spectrum) -> Spectrum:
    """Second-order high-pass at 38 Hz."""
    w, q = 2 * np.pi * 38.13547087602444, 0.5003270373238773
    response: Spectrum = s * s / (s * s + w / q * s + w * w)
    return response


def normalize_loudness(samples: Samples, rate: int, target_lufs: float) -> Samples:
    """Return the samples at the target loudness, with no peak above PEAK_LIMIT. Silence stays unchanged."""
    now = loudness(samples, rate)
    if now == float("-inf"):
        return samples
    return _limit_peaks(samples * np.float32(10 ** ((target_lufs - now) / 20)), rate)


def _limit_peaks(samples: Samples, rate: int) -> Samples:
    """Reduce the gain smoothly around peaks that are too high."""
    if float(np.abs(samples).max(initial=0.0)) <= PEAK_LIMIT:
        return samples
    size = max(1, round(_LIMITER_S * rate))
    frames = np.pad(np.abs(samples), (0, -samples.size % size)).reshape(-1, size).max(axis=1)
    allowed = np.minimum(1.0, PEAK_LIMIT / np.maximum(frames, 1e-9))
    lowest = _windows(allowed, _REACH + 2).min(axis=1)
    smooth = _windows(lowest, _REACH).mean(axis=1)
    gain = np.interp(np.arange(samples.size), (np.arange(frames.size) + 0.5) * size, smooth)
    return np.asarray(samples * gain, dtype=np.float32)


def _windows(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return, for each value, a row with it and its neighbours."""
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
