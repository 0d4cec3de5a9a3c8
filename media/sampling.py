"""Small frames with their times, and the output of ffmpeg's audio meters, read while ffmpeg decodes a file.

The file is untrusted, so it is decoded in ffmpeg's process and never in this one; what comes back is raw pixels. Each
frame comes with its own time, at any frame rate, counted from the start of the file as players show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from media.ffmpeg import Ffmpeg, input_arguments
from media.info import MediaFile
from media.process import FfmpegProcess
from protocol.errors import MediaError

Frame = NDArray[np.uint8]
"""Height x width x blue, green, red."""

TICKS = 90_000
"""Ticks per second of the frame times: fine enough for every usual rate, so times are exact."""

STALL_S = 600.0
"""An ffmpeg that produces nothing for this long is ended."""

_END_S = 5.0

BUFFER = 1 << 20
WHITE = 255


def fit_within(shown: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size of this shape whose longer side is `side`, or the size itself if it is smaller."""
    scale = min(1.0, side / max(shown))
    return max(2, round(shown[0] * scale)), max(2, round(shown[1] * scale))


@contextmanager
def sample_frames(
    ffmpeg: Ffmpeg,
    media: MediaFile,
    size: tuple[int, int],
    *,
    start_s: float = 0.0,
    sample_fps: float | None = None,
    most: int | None = None,
    stall_s: float = STALL_S,
) -> Iterator[Iterator[tuple[float, Frame]]]:
    """Yield (time, frame) of everything from `start_s` on: upright, scaled to `size`, transparency on white.

    At most `sample_fps` frames per second, and `most` in all. MediaError if nothing can be decoded, or if ffmpeg fails
    or hangs. A video that is damaged somewhere gives the frames that can be decoded.
    """
    arguments = _frame_arguments(media, size, start_s, sample_fps, most)
    with FfmpegProcess(ffmpeg, arguments, reads=True, stall_s=stall_s) as process:
        yield _decode(process, media)


def _frame_arguments(
    media: MediaFile, size: tuple[int, int], start_s: float, sample_fps: float | None, most: int | None
) -> list[str]:
    assert media.picture is not None  # checked by the callers
    alpha = media.picture.pixels.alpha
    sampling = (
        f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{1 / sample_fps:.6f}-0.0005)'" if sample_fps else ""
    )
    filters = [
        *([sampling] if sampling else []),
        *(["format=gbrap", "premultiply=inplace=1"] if alpha else []),
        f"scale={size[0]}:{size[1]}:flags=area+accurate_rnd+bitexact",
        "setsar=1",
    ]
    return [
        *("-nostdin", "-loglevel", "error", "-copyts", "-start_at_zero"),
        *(["-ss", f"{start_s:.6f}"] if start_s > 0 else []),
        *input_arguments(media.path, media.container),
        *("-map", f"0:{media.picture.stream}", "-vf", ",".join(filters)),
        *(["-frames:v", str(most)] if most else []),
        *("-c:v", "rawvideo", "-pix_fmt", "bgra" if alpha else "bgr24"),
        *("-enc_time_base", f"1:{TICKS}", "-f", "nut", "pipe:1"),
    ]


def _decode(process: FfmpegProcess, media: MediaFile) -> Iterator[tuple[float, Frame]]:
    assert media.picture is not None  # checked by the callers
    pixels = media.picture.pixels
    curve = _tone_curve(pixels.transfer) if pixels.is_hdr else None
    count = 0
    try:
        stream = process.buffered_stdout()
        container: InputContainer = av.open(stream, "r", format="nut", buffer_size=BUFFER)
        with container:
            for decoded in container.decode(video=0):
                count += 1
                process.note_progress()
                frame = decoded.to_ndarray().astype(np.uint8, copy=False)
                frame = _on_white(frame) if frame.shape[2] == 4 else frame
                yield max(0.0, float(decoded.time or 0.0)), frame if curve is None else curve[frame]
    except (av.error.FFmpegError, StopIteration, IndexError) as error:
        if not process.is_over(_END_S):
            process.kill()  # it would wait forever for somebody to read
        process.finish()
        raise MediaError(f"{media.path}: decoding failed after {count} frame(s)") from error
    process.finish()
    if not count:
        raise MediaError(f"{media.path}: no frame of it could be decoded")


def _on_white(frame: Frame) -> Frame:
    """Put a frame with premultiplied alpha on a white background."""
    clear = WHITE - frame[..., 3:].astype(np.uint16)
    return np.asarray(np.minimum(frame[..., :3] + clear, WHITE), np.uint8)


def _tone_curve(transfer: str | None) -> Frame:
    """Return the approximate SDR value of each HDR value; the colours keep their wide gamut.

    SMPTE ST 2084 and ARIB STD-B67, white at 203 cd/m2 (BT.2408), highlights rolled off (Reinhard, extended).
    """
    value = np.arange(256) / 255
    if transfer == "smpte2084":
        root = value ** (1 / 78.84375)
        light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125) * 10_000
    else:
        scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        light = 1000 * scene**1.2
    white = light.max() / 203
    linear = np.minimum((light / 203) * (1 + light / 203 / white**2) / (1 + light / 203), 1.0)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * srgb), np.uint8)


@contextmanager
def measure_audio(
    ffmpeg: Ffmpeg, media: MediaFile, on_line: Callable[[str], None], *, silence_db: float, silence_s: float
) -> Iterator[FfmpegProcess]:
    """Run the first audio track through the loudness meter and the silence detector, in one pass and in parallel.

    `on_line` gets the lines that these print, in another thread.
    """
    filters = f"ebur128=peak=true,silencedetect=noise={silence_db:.2f}dB:d={silence_s:.3f}"
    arguments = [
        *("-nostdin", "-loglevel", "info"),
        *input_arguments(media.path, media.container),
        *("-map", f"0:{media.sounds[0].stream}", "-af", filters, "-f", "null", "-"),
    ]
    with FfmpegProcess(ffmpeg, arguments, on_line=lambda line: on_line(line.strip()), stall_s=STALL_S) as process:
        yield process


NUMBER = r"(-?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|inf|nan))"
"""How ffmpeg's filters write a number."""

METER = re.compile(rf"\bt:\s*{NUMBER}\s.*\bM:\s*{NUMBER}\s")
SILENCE = re.compile(rf"\bsilence_(start|end):\s*{NUMBER}")
SUMMARY = re.compile(rf"^(I|LRA|Peak):\s*{NUMBER}\s")
"""The lines of its loudness meter, of its silence detector, and of the meter's summary."""
