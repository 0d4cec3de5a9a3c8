"""Pictures, takes and tones made in the test, so that what comes out can be known exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from media.take import TakeWriter

RATE = 24_000


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (320, 240)) -> bytes:
    """Return a JPEG of one colour."""
    picture = np.full((size[1], size[0], 3), colour, np.uint8)
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height = size
    codec.pix_fmt = "yuvj420p"
    codec.time_base = Fraction(1, 30)
    codec.options = {"qmin": "1", "qmax": "2"}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def take(path: Path, frames: list[tuple[float, tuple[int, int, int]]], seconds: float) -> Path:
    """Write a take of coloured frames at these times."""
    writer = TakeWriter(path, (320, 240))
    for at, colour in frames:
        writer.add(jpeg(colour), at)
    writer.close(seconds)
    return path


def tone(path: Path, seconds: float, *, hertz: float = 440, level: float = 0.2) -> Path:
    """Write a tone that starts and ends at once."""
    at = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32), RATE, subtype="PCM_16")
    return path


def speechlike(path: Path, seconds: float, *, level: float, clicks: bool = False) -> Path:
    """Write noise in syllables, as uneven as speech; with `clicks` it has peaks far above its loudness."""
    random = np.random.default_rng(7)
    samples = random.standard_normal(round(seconds * RATE)) * level
    samples *= 0.5 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(samples.size) / RATE)
    if clicks:
        samples[:: RATE // 3] = 0.99
    soundfile.write(path, np.clip(samples, -1, 1).astype(np.float32), RATE, subtype="PCM_16")
    return path


def read_frame(video: Path, at_s: float) -> NDArray[np.uint8]:
    """Return the frame that is shown at `at_s` as RGB, shape (height, width, 3)."""
    shown = None
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if shown is not None and frame.time is not None and frame.time > at_s + 1e-6:
                break
            shown = frame
    assert shown is not None, f"{video} holds no frame"
    return shown.to_ndarray(format="rgb24").astype(np.uint8)
