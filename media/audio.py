"""Audio files: reading, checking and measuring them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from media import riff
from media.ffmpeg import Ffmpeg, input_arguments
from protocol.errors import MediaError

Samples = NDArray[np.float32]

LOUDNESS_FILTER = "ebur128=peak=true:framelog=verbose"
"""The filter that measures loudness by EBU R128."""

LOUDNESS_FORMATS = "wav,mov,matroska,webm,avi,ogg,flac,mp3"
"""The formats that `measure_loudness` opens: none of them refers to other files."""


@dataclass(frozen=True, kw_only=True)
class MeasuredLoudness:
    """The loudness of an audio file by EBU R128; -inf for silence."""

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float
    threshold_lufs: float


def check_wav(path: Path) -> float:
    """Return the length of an untrusted WAV file in seconds, or raise MediaError if it is not complete.

    Complete means: plain samples, correct sizes in the header, at least one frame, and all frames can be read. Our own
    parser reads the header first (`media.riff`), so that nothing but plain samples reaches a decoder.
    """
    riff.check(path)
    try:
        with soundfile.SoundFile(path) as sound:
            if sound.format not in ("WAV", "WAVEX") or not sound.frames or not 1 <= sound.channels <= 8:
                raise MediaError(f"{path.name} contains no audio")
            seconds = float(sound.frames / sound.samplerate)
            sound.seek(sound.frames - 1)
            if sound.read(1).shape[0] != 1:
                raise MediaError(f"{path.name} is shorter than its header says")
    except (soundfile.SoundFileError, RuntimeError, ZeroDivisionError) as error:
        raise MediaError(f"{path.name} is not a usable WAV file: {error}") from error
    return seconds


def read_mono(path: Path, rate: int) -> Samples:
    """Return an audio file as mono samples at `rate`, full scale ±1."""
    try:
        samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise MediaError(f"{path} cannot be read: {error}") from error
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    if own_rate == rate:
        return mono
    resampled: Samples = soxr.resample(mono, own_rate, rate).astype(np.float32)
    return resampled


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write mono samples as 16-bit WAV; values beyond full scale are clipped."""
    soundfile.write(path, np.clip(samples, -1, 1), rate, subtype="PCM_16")


def measure_loudness(ffmpeg: Ffmpeg, path: Path, *, through: str | None = None) -> MeasuredLoudness:
    """Measure an audio or video file by EBU R128, with the true peak by fourfold oversampling (BS.1770).

    `through` is a filter chain that is applied first, to measure the result of a change without writing it.
    """
    filters = ",".join(filter(None, [through, LOUDNESS_FILTER]))
    options = ["-map", "0:a:0", "-vn", "-sn", "-filter:a", filters, "-f", "null", "-"]
    return parse_loudness(ffmpeg.run([*input_arguments(path, LOUDNESS_FORMATS), *options]))


def parse_loudness(output: str) -> MeasuredLoudness:
    """Return the summary that ffmpeg prints at the end of audio that went through `LOUDNESS_FILTER`."""
    summary = output.rpartition("Summary:")[2]
    return MeasuredLoudness(
        integrated_lufs=_number(summary, r"\bI:\s*(\S+) LUFS"),
        true_peak_dbtp=_number(summary, r"Peak:\s*(\S+) dBFS"),
        range_lu=_number(summary, r"LRA:\s*(\S+) LU"),
        threshold_lufs=_number(summary, r"Threshold:\s*(\S+) LUFS"),
    )


def _number(text: str, pattern: str) -> float:
    if (found := re.search(pattern, text)) is None:
        raise MediaError("ffmpeg's loudness summary could not be read")
    return float(found.group(1))
