"""What ffmpeg reads out of a file while it reads: small pictures with their times, and its filters' words.

The file is untrusted, so that it is decoded in ffmpeg's process and never in ours; what comes back is raw pixels. Every
picture comes with its own time, whatever the rate, from the start of the file as players show it.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from media.examine import Media
from media.ffmpeg import KEPT_LINES, LINE, Ffmpeg, source
from protocol.errors import MediaError

Frame = NDArray[np.uint8]
"""Height x width x blue, green, red."""

TICKS = 90_000
"""Times are kept to this part of a second: every usual rate fits, and no picture is moved to a grid."""

STALL_S = 600.0
"""A program that says nothing and gives nothing for so long is ended."""

_WATCH_S = 5.0
_LAST_WORDS_S = 5.0

BUFFER = 1 << 20
WHITE = 255


class Reading:
    """An ffmpeg that runs beside us and is ended with the block. Its words go to `on_line` in another thread."""

    def __init__(self, program: Ffmpeg, arguments: Sequence[str | Path], on_line: Callable[[str], None]) -> None:
        command = [str(program.path), "-nostdin", "-hide_banner", "-nostats", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=BUFFER
        )
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._on_line = on_line
        self._broken: Exception | None = None
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._seen_s = time.monotonic()
        self._over = threading.Event()
        self._stalled = False
        self._listener.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self.process.kill()
        self.process.wait()
        self._listener.join(10)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def alive(self) -> None:
        """Note that something came of it."""
        self._seen_s = time.monotonic()

    def is_over(self, wait_s: float) -> bool:
        """Wait so long for the end, and say whether it has come."""
        self._listener.join(wait_s)
        return not self._listener.is_alive()

    def finish(self) -> None:
        """Wait for the end. A program that failed raises MediaError with its last words."""
        status = self.process.wait()
        self._listener.join()
        if self._broken is not None:
            raise self._broken
        if self._stalled:
            raise MediaError(f"ffmpeg gave nothing for {STALL_S:.0f} s and was ended")
        if status:
            words = " | ".join(line for line in list(self._said)[-4:])
            raise MediaError(f"ffmpeg failed ({status}): {words}")

    def _listen(self) -> None:
        assert self.process.stderr is not None  # opened as a pipe
        while raw := self.process.stderr.readline(LINE):
            self.alive()
            line = raw.decode("utf-8", "replace").strip()
            if line:
                self._said.append(line)
            try:
                self._on_line(line)
            except Exception as error:  # told by `finish`; the pipe must be emptied all the same
                self._broken = self._broken or error

    def _watch(self) -> None:
        """End a program that hangs: whoever reads from it would wait with it."""
        while not self._over.wait(min(_WATCH_S, STALL_S / 4)):
            if time.monotonic() - self._seen_s > STALL_S:
                self._stalled = True
                self.process.kill()
                return


def fitted(shown: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size of this shape whose longer side is `side`, or the size itself if it is smaller."""
    scale = min(1.0, side / max(shown))
    return max(2, round(shown[0] * scale)), max(2, round(shown[1] * scale))


@contextmanager
def frames(
    program: Ffmpeg,
    media: Media,
    size: tuple[int, int],
    *,
    start_s: float = 0.0,
    sample_fps: float | None = None,
    most: int | None = None,
) -> Iterator[Iterator[tuple[float, Frame]]]:
    """Yield (time, picture) of everything from `start_s` on: upright, in `size`, what is transparent on white.

    MediaError when nothing can be read, or the program breaks or hangs. A film that is torn somewhere gives what can be
    read of it.
    """
    with Reading(program, _arguments(media, size, start_s, sample_fps, most), lambda _: None) as reading:
        yield _decoded(reading, media)


def _arguments(
    media: Media, size: tuple[int, int], start_s: float, sample_fps: float | None, most: int | None
) -> list[str]:
    assert media.picture is not None  # its callers know that there is one
    seek = ["-ss", f"{start_s:.6f}"] if start_s > 0 else []
    alpha = media.picture.pixels.alpha
    steps = [
        # Of a time base and of numbers that are ours.
        *(
            [f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{1 / sample_fps:.6f}-0.0005)'"]
            if sample_fps
            else []
        ),
        *(["format=gbrap", "premultiply=inplace=1"] if alpha else []),
        f"scale={size[0]}:{size[1]}:flags=area+accurate_rnd+bitexact",
        "setsar=1",
    ]
    return [
        *("-loglevel", "error", "-copyts", "-start_at_zero"),
        *seek,
        *source(media.path, media.container),
        *("-map", f"0:{media.picture.stream}", "-vf", ",".join(steps)),
        *(["-frames:v", str(most)] if most else []),
        *("-c:v", "rawvideo", "-pix_fmt", "bgra" if alpha else "bgr24"),
        *("-enc_time_base", f"1:{TICKS}", "-f", "nut", "pipe:1"),
    ]


def _decoded(reading: Reading, media: Media) -> Iterator[tuple[float, Frame]]:
    assert media.picture is not None  # its callers looked
    assert reading.process.stdout is not None  # opened as a pipe
    pixels = media.picture.pixels
    curve = _tone_curve(pixels.transfer) if pixels.is_hdr else None
    read = 0
    try:
        container: InputContainer = av.open(reading.process.stdout, "r", format="nut", buffer_size=BUFFER)
        with container:
            for frame in container.decode(video=0):
                read += 1
                reading.alive()
                made = frame.to_ndarray().astype(np.uint8, copy=False)
                made = _on_white(made) if made.shape[2] == 4 else made
                yield max(0.0, float(frame.time or 0.0)), made if curve is None else curve[made]
    except (av.error.FFmpegError, StopIteration, IndexError) as error:
        if not reading.is_over(_LAST_WORDS_S):
            reading.process.kill()  # it would wait for ever to be read
        reading.finish()
        raise MediaError(f"{media.path}: no picture of it could be decoded after {read} of them") from error
    reading.finish()
    if not read:
        raise MediaError(f"{media.path}: no picture of it could be decoded")


def _on_white(picture: Frame) -> Frame:
    """Lay a picture whose colours are multiplied by its alpha on white."""
    clear = WHITE - picture[..., 3:].astype(np.uint16)
    return np.asarray(np.minimum(picture[..., :3] + clear, WHITE), np.uint8)


def _tone_curve(transfer: str | None) -> Frame:
    """Return what each value of high dynamic range is on a usual screen, roughly: colours stay those of the wide space.

    SMPTE ST 2084 and ARIB STD-B67, white at 203 cd/m2 (BT.2408), bright parts rolled off (Reinhard, extended).
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
    seen = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * seen), np.uint8)


@contextmanager
def heard(
    program: Ffmpeg, media: Media, on_line: Callable[[str], None], *, silence_db: float, silence_s: float
) -> Iterator[Reading]:
    """Run the first sound of a file through the loudness meter and the silence detector, in one pass, beside us."""
    filters = f"ebur128=peak=true,silencedetect=noise={silence_db:.2f}dB:d={silence_s:.3f}"
    arguments = [
        *("-loglevel", "info"),
        *source(media.path, media.container),
        *("-map", f"0:{media.sounds[0].stream}", "-af", filters, "-f", "null", "-"),
    ]
    with Reading(program, arguments, on_line) as reading:
        yield reading


NUMBER = r"(-?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|inf|nan))"
"""How ffmpeg's filters write a number."""

METER = re.compile(rf"\bt:\s*{NUMBER}\s.*\bM:\s*{NUMBER}\s")
SILENCE = re.compile(rf"\bsilence_(start|end):\s*{NUMBER}")
SUMMED = re.compile(rf"^(I|LRA|Peak):\s*{NUMBER}\s")
"""The lines of its loudness meter, of its silence detector, and of the meter's summary."""
