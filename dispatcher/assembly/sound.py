"""The audio track of a video: every narration at its position, mixed once and measured once.

The narration is normalised as a whole and each inserted video by itself, so that all are equally loud.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dispatcher.assembly import inserts
from dispatcher.assembly.timeline import FPS, Insert, Timeline
from media import audio
from media.ffmpeg import Ffmpeg, file_url, input_arguments

RATE = 48_000
FADE_S = 0.005
INSERT_FADE_S = 0.02
TARGET_LUFS = -16.0
PEAK_DBTP = -1.5
_HEADROOM_DB = 0.5  # AAC overshoots the original peaks
_BLOCK = RATE * 10
_HALF_POWER = np.float32(math.sqrt(0.5))


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The mixed track and the filter that normalises it."""

    path: Path
    filter: str


def mix(ffmpeg: Ffmpeg, timeline: Timeline, path: Path, *, normalise: bool) -> Mix:
    """Write the whole track to `path` (48 kHz, as long as the video) and return it with the filter that normalises it.

    Mono; with inserted videos stereo, and already normalised.
    """
    steps = path.with_suffix(".steps.wav")
    _narrate(timeline, steps)
    if timeline.intro is None and timeline.outro is None:
        return Mix(path=steps, filter=_normaliser(ffmpeg, steps) if normalise else "anull")
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_24") as track:
        _add_insert(track, ffmpeg, timeline.intro, normalise=normalise)
        _add(track, _levelled(ffmpeg, steps) if normalise else steps, timeline.step_frames)
        _add_insert(track, ffmpeg, timeline.outro, normalise=normalise)
    return Mix(path=path, filter="anull")


def _narrate(timeline: Timeline, path: Path) -> None:
    """Write every narration at its position, and silence during the fade at the end."""
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_24") as track:
        for clip in timeline.clips:
            track.write(_step(clip.narration, round(clip.seconds * RATE)))
        track.write(_step(None, timeline.ending_frames * RATE // FPS))


def _step(narration: Path | None, length: int) -> audio.Samples:
    """Return the audio of one step: its narration with short fades, then silence to its end."""
    sound = np.zeros(length, np.float32)
    if narration is not None:
        samples = _softened(audio.read_mono(narration, RATE)[:length], FADE_S)
        sound[: samples.size] = samples
    return sound


def _softened(samples: audio.Samples, seconds: float) -> audio.Samples:
    """Return samples that start and end without a click."""
    if edge := min(round(seconds * RATE), len(samples) // 2):
        ramp = np.linspace(0, 1, edge, dtype=np.float32).reshape(-1, *[1] * (samples.ndim - 1))
        samples[:edge] *= ramp
        samples[-edge:] *= ramp[::-1]
    return samples


def _add_insert(track: soundfile.SoundFile, ffmpeg: Ffmpeg, insert: Insert | None, *, normalise: bool) -> None:
    """Add a film's sound to the track, as long as its picture; silence where it has none."""
    if insert is None:
        return
    path = _extracted(ffmpeg, insert, Path(track.name).with_suffix(".insert.wav"))
    _add(track, _levelled(ffmpeg, path) if path and normalise else path, insert.frames)


def _extracted(ffmpeg: Ffmpeg, insert: Insert, path: Path) -> Path | None:
    """Write a film's sound to `path`, in step with its picture and with soft edges; return None where it has none."""
    footage = insert.footage
    if footage.sound is None:
        return None
    opened = [*input_arguments(footage.path, footage.container), "-map", f"0:{footage.sound.stream}"]
    ffmpeg.run([*opened, "-af", inserts.sound(insert, footage.sound, RATE), "-c:a", "pcm_s24le", file_url(path)])
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    soundfile.write(path, _softened(samples, INSERT_FADE_S), RATE, subtype="PCM_24")
    return path


def _add(track: soundfile.SoundFile, sound: Path | None, frames: int) -> None:
    """Add a sound to the stereo track, cut or filled with silence to so many frames of the film."""
    length = frames * RATE // FPS
    if sound is not None:
        for block in soundfile.blocks(sound, _BLOCK, frames=length, dtype="float32", always_2d=True):
            track.write(block if block.shape[1] == 2 else np.repeat(block * _HALF_POWER, 2, axis=1))
            length -= len(block)
    for rest in range(length, 0, -_BLOCK):
        track.write(np.zeros((min(rest, _BLOCK), 2), np.float32))


def _levelled(ffmpeg: Ffmpeg, path: Path) -> Path:
    """Return the sound at the target loudness, in a file of its own."""
    levelled = path.with_suffix(".levelled.wav")
    gain = ["-af", _normaliser(ffmpeg, path), "-ar", str(RATE), "-c:a", "pcm_s24le"]
    ffmpeg.run([*input_arguments(path, "wav"), *gain, file_url(levelled)])
    return levelled


def _normaliser(ffmpeg: Ffmpeg, path: Path) -> str:
    """Return a gain to the target loudness and a limiter for what then stands out.

    A plain gain, unlike a compressor, leaves the voice as it is; limiting peaks costs a little loudness, so the gain
    is corrected once by what the limited track measures.
    """
    found = audio.measure_loudness(ffmpeg, path)
    if not math.isfinite(found.integrated_lufs) or found.integrated_lufs < -69:
        return "anull"  # nothing is spoken, or too little to measure
    gain = TARGET_LUFS - found.integrated_lufs
    if found.true_peak_dbtp + gain <= PEAK_DBTP - _HEADROOM_DB:
        return _chain(gain)
    for _ in range(3):
        short = TARGET_LUFS - audio.measure_loudness(ffmpeg, path, through=_chain(gain)).integrated_lufs
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
