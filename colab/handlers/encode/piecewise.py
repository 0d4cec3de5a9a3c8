"""A long film's picture encoded piece by piece, so that an attempt that is killed loses no more than a minute of work.

A piece has an encoder of its own. At constant quality nothing else carries over from one minute to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from colab.handlers.encode.engines import Chosen
from colab.handlers.encode.graph import Graph, picture_of
from colab.handlers.pieces import frames, pace
from colab.handlers.pieces.frames import SHOWING, Frames
from colab.handlers.pieces.passing import Passing
from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from protocol.kinds.encode import Params


def frames_each(films: Sequence[MediaFile], params: Params, chosen: Chosen, seconds: float) -> int | None:
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


def _rate(films: Sequence[MediaFile], params: Params) -> Fraction:
    return picture_of(films[0]).fps if params.rate is None else Fraction(f"{params.rate:.6f}")


def look(ffmpeg: Ffmpeg, filters: Graph, bits: int) -> Frames:
    """Return what the filters make of the film's first frames."""
    return frames.look(ffmpeg, _shown(filters), bits=bits)


def recipe(coder: Sequence[str], films: Sequence[MediaFile], params: Params, filters: Graph, shown: Frames) -> Passing:
    """Return how the pieces are made; `coder` are ffmpeg's arguments for the encoder."""
    pixels, rate = picture_of(films[0]).pixels, _rate(films, params)
    return Passing(filtered=_shown(filters), coder=coder, shown=shown, pixels=pixels, rate=rate)


def _shown(filters: Graph) -> list[str]:
    """Return the arguments that lead the picture through all filters, and tell of each frame."""
    chain = filters.picture.removesuffix("[picture]")
    return [*filters.opened, "-filter_complex", f"{chain},{SHOWING}[picture]", "-map", "[picture]"]
