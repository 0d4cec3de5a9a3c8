"""How large the result is, and what is refused before any work. Pure rules."""

from __future__ import annotations

import math
from fractions import Fraction

from colab.handlers.upscale.engine import Size
from colab.handlers.upscale.turning import upright
from media.info import VideoTrack
from protocol.errors import JobFailed
from protocol.kinds.upscale import MAX_SIDE, Params, factor

MAX_PIXELS = {"picture": 200_000_000, "film": 36_000_000}
"""Of the result: 8K for a film, which is where its encoders end; for a picture what memory holds several times."""


def target(picture: VideoTrack, params: Params, *, film: bool) -> Size:
    """Return the size to write: turned as stored for a film, as a viewer sees it for a picture.

    Its pixels keep their aspect. A film's sides are even, as its encoders want them. Raises `JobFailed` BAD_REQUEST,
    with the numbers, for what gets smaller or too large.
    """
    times = _factor(picture, params)
    source = picture.size if film else upright(picture)
    wide, high = (_side(side * times, even=film) for side in source)
    most = MAX_PIXELS["film" if film else "picture"]
    if max(wide, high) > MAX_SIDE or wide * high > most:
        largest = min(MAX_SIDE / max(source), math.sqrt(most / (source[0] * source[1])))
        raise JobFailed(
            f"{source[0]}x{source[1]} would become {wide}x{high}; at most {MAX_SIDE} pixels a side and "
            f"{most // 1_000_000} million in all are written: ask for a scale of {_floor(largest)} or less",
            code="BAD_REQUEST",
        )
    return wide, high


def _factor(picture: VideoTrack, params: Params) -> Fraction:
    try:
        return factor(params, picture.shown)
    except ValueError as error:
        raise JobFailed(str(error), code="BAD_REQUEST") from error


def _side(pixels: Fraction, *, even: bool) -> int:
    return max(2, round(pixels / 2) * 2) if even else max(1, round(pixels))


def _floor(scale: float) -> str:
    return f"{int(scale * 100) / 100:g}"
