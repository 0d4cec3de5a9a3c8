"""Pieces of the frames that one ffmpeg gives, encoded as they are by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from colab.handlers.pieces import frames
from colab.handlers.pieces.frames import Frames
from media import carry_over
from media.ffmpeg import Ffmpeg
from media.info import PixelFormat
from media.pipes import RawFrame


@dataclass(frozen=True, kw_only=True)
class Passing:
    """How such pieces are made (`pieces.film.Recipe`)."""

    filtered: Sequence[str]  # ffmpeg's arguments that lead the picture alone through its filters and `SHOWING`
    coder: Sequence[str]  # those for the encoder
    shown: Frames
    pixels: PixelFormat  # whose colour tags the film gets
    rate: Fraction
    batch: int = 1

    @property
    def taken_bytes(self) -> int:
        """Return the bytes of a frame."""
        return self.shown.bytes

    @property
    def written_bytes(self) -> int:
        """Return the bytes of a frame."""
        return self.shown.bytes

    def decode(self, ffmpeg: Ffmpeg) -> list[str | Path]:
        """Return the arguments that put every frame on stdout."""
        return [
            "-nostdin",
            *self.filtered,
            "-an",
            "-sn",
            "-dn",
            *carry_over.passthrough(ffmpeg),
            "-f",
            "rawvideo",
            "pipe:1",
        ]

    def encode(self, target: Path) -> list[str | Path]:
        """Return the arguments that write a piece."""
        return frames.encoding(self.shown, self.pixels, self.rate, self.coder, target)

    def frames(self, frames: Sequence[RawFrame], tick: Callable[[], None]) -> Sequence[RawFrame]:
        """Return the frames as they are."""
        return frames
