"""The film's one sound track: every narration at its place, mixed once and measured once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dispatcher.assembly.timeline import Timeline
from media import audio
from media.ffmpeg import Ffmpeg

RATE = 48_000
FADE_S = 0.005
TARGET_LUFS = -16.0
PEAK_DBTP = -1.5
_HEADROOM_DB = 0.5  # AAC overshoots the peaks it was given


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The mixed track and the filter that brings it to the target."""

    path: Path
    filter: str


def mix(ffmpeg: Ffmpeg, timeline: Timeline, path: Path, *, normalise: bool) -> Mix:
    """Write the whole track to `path` (mono, 48 kHz, as long as the film) and say how to normalise it."""
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_24") as track:
        for clip in timeline.clips:
            track.write(_step(clip.narration, round(clip.seconds * RATE)))
    return Mix(path=path, filter=_normaliser(ffmpeg, path) if normalise else "anull")


def _step(narration: Path | None, length: int) -> audio.Samples:
    """Return one step's sound: its narration with soft edges, then silence to its end."""
    sound = np.zeros(length, np.float32)
    if narration is not None:
        samples = audio.read(narration, RATE)[:length]
        edge = min(round(FADE_S * RATE), samples.size // 2)
        if edge:
            ramp = np.linspace(0, 1, edge, dtype=np.float32)
            samples[:edge] *= ramp
            samples[-edge:] *= ramp[::-1]
        sound[: samples.size] = samples
    return sound


def _normaliser(ffmpeg: Ffmpeg, path: Path) -> str:
    """Return a gain to the target loudness and a limiter for what then stands out.

    A plain gain, unlike a compressor, leaves the voice as it is; limiting peaks costs a little loudness, so the gain
    is corrected once by what the limited track measures.
    """
    found = audio.measure(ffmpeg, path)
    if not math.isfinite(found.integrated_lufs) or found.integrated_lufs < -69:
        return "anull"  # nothing is spoken, or too little to measure
    gain = TARGET_LUFS - found.integrated_lufs
    if found.true_peak_dbtp + gain <= PEAK_DBTP - _HEADROOM_DB:
        return _chain(gain)
    for _ in range(3):
        limited = path.with_suffix(".limited.wav")
        ffmpeg.run(["-i", path, "-af", _chain(gain), "-c:a", "pcm_s24le", limited])
        short = TARGET_LUFS - audio.measure(ffmpeg, limited).integrated_lufs
        limited.unlink()
        gain += short
        if abs(short) < 0.2:
            break
    return _chain(gain)


def _chain(gain_db: float) -> str:
    """Gain, then a look-ahead limiter at four times the rate, where the peaks between samples show."""
    ceiling = 10 ** ((PEAK_DBTP - _HEADROOM_DB) / 20)
    return (
        f"volume={gain_db:.2f}dB,aresample={4 * RATE},"
        f"alimiter=limit={ceiling:.4f}:attack=2:release=50:level=false,aresample={RATE}"
    )
