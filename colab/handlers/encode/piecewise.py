"""A long film's picture encoded piece by piece, so that an attempt that is killed loses no more than a minute of work.

A piece has an encoder of its own. At constant quality nothing else carries over from one minute to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from colab.handlers.encode.engines import Chosen
from colab.handlers.encode.graph import Graph, picture_of
from colab.handlers.pieces import frames, pace
from colab.handlers.pieces.frames import SHOWING, Frames
from media import carried
from media.examine import Media
from media.ffmpeg import Ffmpeg
from media.pipes import Raw
from protocol.kinds.encode import Params


def frames_each(films: Sequence[Media], params: Params, chosen: Chosen, seconds: float) -> int | None:
    """Return how many frames make a piece; None where the film is encoded in one go.

    That is a short one, one by a graphics card, and high dynamic range.
    """
    picture = picture_of(films[0])
    if any(picture_of(film).pixels.is_hdr for film in films):
        return None
    width, height = picture.shown
    lines = params.lines or height
    each = pace.frames_each(chosen.encoder, params.preset, (max(2, width * lines // height), lines))
    return each if each is not None and seconds * _rate(films, params) > each else None


def _rate(films: Sequence[Media], params: Params) -> Fraction:
    return picture_of(films[0]).fps if params.rate is None else Fraction(f"{params.rate:.6f}")


def look(ffmpeg: Ffmpeg, filters: Graph, bits: int) -> Frames:
    """Return what the filters make of the film's first frames."""
    return frames.look(ffmpeg, _shown(filters), bits=bits)


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the pieces are made (`pieces.film.Recipe`): the frames that the filters give, encoded as they are."""

    coder: Sequence[str]  # ffmpeg's arguments for the encoder
    params: Params
    films: Sequence[Media]
    filters: Graph
    shown: Frames
    batch: int = 1

    @property
    def rate(self) -> Fraction:
        """Return the frames a second."""
        return _rate(self.films, self.params)

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
        return ["-nostdin", *_shown(self.filters), *carried.passing(ffmpeg), "-f", "rawvideo", "pipe:1"]

    def encode(self, target: Path) -> list[str | Path]:
        """Return the arguments that write a piece."""
        return frames.encoding(self.shown, picture_of(self.films[0]).pixels, self.rate, self.coder, target)

    def frames(self, frames: Sequence[Raw], tick: Callable[[], None]) -> Sequence[Raw]:
        """Return the frames as they are."""
        return frames


def _shown(filters: Graph) -> list[str]:
    """Return the arguments that lead the picture through all filters, and tell of each frame."""
    chain = filters.picture.removesuffix("[picture]")
    return [*filters.opened, "-filter_complex", f"{chain},{SHOWING}[picture]", "-map", "[picture]", "-an", "-sn", "-dn"]
