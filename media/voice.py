"""What a recording of somebody's voice is like: its length without the silence around it, its level, its noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from media.audio import Samples
from media.examine import Media
from media.ffmpeg import Ffmpeg, source
from protocol.errors import MediaError

FRAME_S = 0.010
SILENT_DB = -40.0
"""A frame so far below the loudest ones is silence."""

EDGE_S = 0.05
"""What is kept of the silence around the voice."""

FULL_SCALE = 0.999
CLIPPED_RUN = 3
"""Samples in a row at full scale: a wave that only touches it has one or two there."""

READ_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Level:
    """How loud a recording is, in dB below full scale, and how often it was too loud for it."""

    peak_db: float
    speech_db: float  # of its louder frames
    noise_db: float  # of its quietest ones
    clipped: int

    @property
    def above_noise_db(self) -> float:
        """Return how far the speech is above the noise."""
        return self.speech_db - self.noise_db


def decoded(ffmpeg: Ffmpeg, media: Media, unfinished: Path) -> tuple[Samples, int]:
    """Return the first sound of a media file as mono, as it was recorded: its own rate, nothing evened out."""
    first = media.sounds[0]
    try:
        ffmpeg.run(
            [
                *source(media.path, media.container), "-map", f"0:{first.stream}", "-t", f"{READ_S:g}",
                "-c:a", "pcm_f32le", "-bitexact", "-f", "wav", unfinished,
            ]
        )  # fmt: skip
        samples, rate = soundfile.read(unfinished, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise MediaError(f"{media.path} cannot be read: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    return mono, int(rate)


def trimmed(samples: Samples, rate: int) -> Samples:
    """Return the samples without the silence before and after the voice, but for EDGE_S of it."""
    levels = _levels_db(samples, rate)
    loud = np.flatnonzero(levels > float(np.percentile(levels, 95)) + SILENT_DB) if levels.size else levels
    if not loud.size:
        return samples[:0]
    first, last = float(loud[0]) * FRAME_S - EDGE_S, float(loud[-1] + 1) * FRAME_S + EDGE_S
    return samples[max(0, round(first * rate)) : round(last * rate)]


def level(samples: Samples, rate: int) -> Level:
    """Measure a recording. Its noise is what is left in the quietest tenth, which in speech are pauses."""
    levels = _levels_db(samples, rate)
    return Level(
        peak_db=_db(float(np.abs(samples).max(initial=0.0))),
        speech_db=float(np.percentile(levels, 90)) if levels.size else -120.0,
        noise_db=float(np.percentile(levels, 5)) if levels.size else -120.0,
        clipped=_clipped(samples),
    )


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """Return the samples at another rate, the same bytes each time."""
    return samples if rate == wanted else np.asarray(soxr.resample(samples, rate, wanted), dtype=np.float32)


def _levels_db(samples: Samples, rate: int) -> NDArray[np.float64]:
    size = max(1, round(FRAME_S * rate))
    whole = samples[: samples.size // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray(20 * np.log10(np.maximum(np.sqrt(np.mean(whole * whole, axis=1)), 1e-6)))


def _db(value: float) -> float:
    return float(20 * np.log10(max(value, 1e-6)))


def _clipped(samples: Samples) -> int:
    """Return how often CLIPPED_RUN samples or more follow each other at full scale."""
    edges = np.diff(np.concatenate([[0], (np.abs(samples) >= FULL_SCALE).astype(np.int8), [0]]))
    return int(np.count_nonzero(np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0) >= CLIPPED_RUN))
