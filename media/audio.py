"""Sound files: reading, checking and measuring them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from media import riff
from media.ffmpeg import Ffmpeg, source
from protocol.errors import MediaError

Samples = NDArray[np.float32]

MEASURING = "ebur128=peak=true:framelog=verbose"
"""The filter that measures a sound by EBU R128."""

MEASURED = "wav,mov,matroska,webm,avi,ogg,flac,mp3"
"""What `measure` opens: none of these leads to other files."""


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """What EBU R128 says of a sound file; -inf for silence."""

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float
    threshold_lufs: float


def check_wav(path: Path) -> float:
    """Return the seconds of a WAV file that came from elsewhere, or raise MediaError if it is not whole.

    Whole means: plain samples, every size in its header is what is there, there are frames, and they can be read.
    The header is read by ourselves first (`media.riff`), so that nothing but plain samples gets to a decoder.
    """
    riff.check(path)
    try:
        with soundfile.SoundFile(path) as sound:
            if sound.format not in ("WAV", "WAVEX") or not sound.frames or not 1 <= sound.channels <= 8:
                raise MediaError(f"{path.name} holds no sound")
            seconds = float(sound.frames / sound.samplerate)
            sound.seek(sound.frames - 1)
            if sound.read(1).shape[0] != 1:
                raise MediaError(f"{path.name} ends before its header says")
    except (soundfile.SoundFileError, RuntimeError, ZeroDivisionError) as error:
        raise MediaError(f"{path.name} is not a usable WAV file: {error}") from error
    return seconds


def read(path: Path, rate: int) -> Samples:
    """Return a sound file as mono at `rate`, full scale ±1."""
    try:
        samples, found = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise MediaError(f"{path} cannot be read: {error}") from error
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    if found == rate:
        return mono
    resampled: Samples = soxr.resample(mono, found, rate).astype(np.float32)
    return resampled


def write(path: Path, samples: Samples, rate: int) -> None:
    """Write mono samples as 16-bit WAV; what is beyond full scale is clipped."""
    soundfile.write(path, np.clip(samples, -1, 1), rate, subtype="PCM_16")


def measure(ffmpeg: Ffmpeg, path: Path, *, through: str | None = None) -> Loudness:
    """Measure a sound or film file by EBU R128, true peak by fourfold oversampling (BS.1770).

    `through` are filters of ours that the sound passes first: how loud it would be is then known without writing it.
    """
    filters = ",".join(filter(None, [through, MEASURING]))
    told = ffmpeg.run([*source(path, MEASURED), "-map", "0:a:0", "-vn", "-sn", "-filter:a", filters, "-f", "null", "-"])
    return loudness_told(told)


def loudness_told(told: str) -> Loudness:
    """Return what ffmpeg says at its end of a sound that went through `MEASURING`."""
    summary = told.rpartition("Summary:")[2]
    return Loudness(
        integrated_lufs=_number(summary, r"\bI:\s*(\S+) LUFS"),
        true_peak_dbtp=_number(summary, r"Peak:\s*(\S+) dBFS"),
        range_lu=_number(summary, r"LRA:\s*(\S+) LU"),
        threshold_lufs=_number(summary, r"Threshold:\s*(\S+) LUFS"),
    )


def _number(text: str, pattern: str) -> float:
    if (found := re.search(pattern, text)) is None:
        raise MediaError("ffmpeg's loudness summary could not be read")
    return float(found.group(1))
