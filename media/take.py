"""Takes: the browser's JPEG frames written to a file unchanged, and measuring such a file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet

from protocol.errors import MediaError

TICKS = 1_000_000
"""Timestamps are stored in microseconds."""


class TakeWriter:
    """Writes JPEG frames with their times into a Matroska file, byte for byte; nothing is encoded.

    The first frame is shown from 0, each frame until the next, and the last until `close(seconds)`.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._path = path
        self._container = av.open(str(path), "w", format="matroska")
        self._stream = self._container.add_stream("mjpeg")
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuvj420p"
        self._stream.time_base = Fraction(1, TICKS)
        self._last: tuple[bytes, int] | None = None
        self.frames = 0

    def add(self, jpeg: bytes, at_s: float) -> None:
        """Add a frame. One that is not later than the frame before it replaces that frame."""
        at = 0 if self._last is None else max(0, round(at_s * TICKS))
        if self._last is not None and at > self._last[1]:
            self._write(*self._last, until=at)
        elif self._last is not None:
            at = self._last[1]
        self._last = (jpeg, at)

    def close(self, seconds: float) -> None:
        """End the take at `seconds` and close the file. A take without a frame raises MediaError."""
        if self._last is None:
            self._container.close()
            raise MediaError(f"{self._path}: the browser delivered no frame")
        self._write(*self._last, until=max(round(seconds * TICKS), self._last[1] + 1))
        self._container.close()

    def _write(self, jpeg: bytes, at: int, *, until: int) -> None:
        packet = Packet(jpeg)
        packet.stream = self._stream
        packet.pts = packet.dts = at
        packet.duration = until - at
        packet.time_base = Fraction(1, TICKS)
        packet.is_keyframe = True
        self._container.mux(packet)
        self.frames += 1


def measure_take(path: Path) -> tuple[tuple[int, int], float]:
    """Return the size and length of a take in seconds. MediaError if it is unreadable or has no complete frame."""
    end = 0.0
    try:
        with av.open(str(path), format="matroska") as container:
            frame = next(container.decode(video=0))
            container.seek(0)
            for packet in container.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
    except (av.error.FFmpegError, StopIteration, IndexError, OSError) as error:
        raise MediaError(f"{path} is not a complete take: {error or 'it contains no frame'}") from error
    return (frame.width, frame.height), end
