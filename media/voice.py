"""Measuring a voice recording: its length without the silence around it, its level and its noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from media.audio import Samples
from media.ffmpeg import Ffmpeg, input_arguments
from media.info import MediaFile
from protocol.errors import MediaError

FRAME_S = 0.010
SILENT_DB = -40.0
"""A frame this far below the loudest ones is silence."""

EDGE_S = 0.05
"""How much of the silence around the voice is kept."""

FULL_SCALE = 0.999
CLIPPED_RUN = 3
"""Consecutive samples at full scale that count as clipping; a wave that only touches it has one or two."""

READ_S = 120.0


@dataclass(frozen=True, kw_only=True)
class VoiceLevel:
    """How loud a recording is, in dB relative to full scale, and how often it clips."""

    peak_db: float
    speech_db: float  # of the louder frames
    noise_db: float  # of the quietest frames
    clipped: int

    @property
    def above_noise_db(self) -> float:
        """Return the signal-to-noise ratio in dB."""
        return self.speech_db - self.noise_db


def decode(ffmpeg: Ffmpeg, media: MediaFile, scratch: Path) -> tuple[Samples, int]:
    """Return the first audio track as mono samples with its own rate, unprocessed. `scratch` is a temporary file."""
    first = media.sounds[0]
    try:
        ffmpeg.run(
            [
                *input_arguments(media.path, media.container), "-map", f"0:{first.stream}", "-t", f"{READ_S:g}",
                "-c:a", "pcm_f32le", "-bitexact", "-f", "wav", scratch,
            ]
        )  # fmt: skip
        samples, rate = soundfile.read(scratch, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise MediaError(f"{media.path} cannot be read: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    return mono, int(rate)


def trim_silence(samples: Samples, rate: int) -> Samples:
    """Return the samples without the silence before and after the voice, except for EDGE_S of it."""
    levels = _levels_db(samples, rate)
    loud = np.flatnonzero(levels > float(np.percentile(levels, 95)) + SILENT_DB) if levels.size else levels
    if not loud.size:
        return samples[:0]
    first, last = float(loud[0]) * FRAME_S - EDGE_S, float(loud[-1] + 1) * FRAME_S + EDGE_S
    return samples[max(0, round(first * rate)) : round(last * rate)]


def measure_level(samples: Samples, rate: int) -> VoiceLevel:
    """Measure a recording. Its noise is the level of the quietest tenth, which in speech consists of pauses."""
    levels = _levels_db(samples, rate)
    return VoiceLevel(
        peak_db=_db(float(np.abs(samples).max(initial=0.0))),
        speech_db=float(np.percentile(levels, 90)) if levels.size else -120.0,
        noise_db=float(np.percentile(levels, 5)) if levels.size else -120.0,
        clipped=_count_clipped(samples),
    )


def resample(samples: Samples, rate: int, target_rate: int) -> Samples:
    """Return the samples at another rate; equal input gives equal bytes."""
    return samples if rate == target_rate else np.asarray(soxr.resample(samples, rate, target_rate), dtype=np.float32)


def _levels_db(samples: Samples, rate: int) -> NDArray[np.float64]:
    size = max(1, round(FRAME_S * rate))
    whole = samples[: samples.size // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray(20 * np.log10(np.maximum(np.sqrt(np.mean(whole * whole, axis=1)), 1e-6)))


def _db(value: float) -> float:
    return float(20 * np.log10(max(value, 1e-6)))


def _count_clipped(samples: Samples) -> int:
    """Return how many runs of at least CLIPPED_RUN samples are at full scale."""
    edges = np.diff(np.concatenate([[0], (np.abs(samples) >= FULL_SCALE).astype(np.int8), [0]]))
    return int(np.count_nonzero(np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0) >= CLIPPED_RUN))
