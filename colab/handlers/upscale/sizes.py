"""How large the result is, and what is refused before any work. Pure rules."""

from __future__ import annotations

import math
from fractions import Fraction

from colab.handlers.upscale.engine import Size
from colab.handlers.upscale.turning import upright
from media.examine import Picture
from protocol.errors import JobFailed
from protocol.kinds.upscale import LARGEST_SCALE, MAX_SIDE, SCALE, Params

MAX_PIXELS = {"picture": 200_000_000, "film": 36_000_000}
"""Of the result: 8K for a film, which is where its encoders end; for a picture what memory holds several times."""


def target(picture: Picture, params: Params, *, film: bool) -> Size:
    """Return the size to write: turned as stored for a film, as a viewer sees it for a picture.

    Its pixels keep their aspect. A film's sides are even, as its encoders want them. Raises `JobFailed` BAD_REQUEST,
    with the numbers, for what gets smaller or too large.
    """
    factor = _factor(picture, params)
    source = picture.size if film else upright(picture)
    wide, high = (_side(side * factor, even=film) for side in source)
    most = MAX_PIXELS["film" if film else "picture"]
    if max(wide, high) > MAX_SIDE or wide * high > most:
        largest = min(MAX_SIDE / max(source), math.sqrt(most / (source[0] * source[1])))
        raise JobFailed(
            f"{source[0]}x{source[1]} would become {wide}x{high}; at most {MAX_SIDE} pixels a side and "
            f"{most // 1_000_000} million in all are written: ask for a scale of {_floor(largest)} or less",
            code="BAD_REQUEST",
        )
    return wide, high


def _factor(picture: Picture, params: Params) -> Fraction:
    wide, high = picture.shown
    if params.width is not None:
        factor = Fraction(params.width, wide)
    elif params.height is not None:
        factor = Fraction(params.height, high)
    else:
        return Fraction(SCALE if params.scale is None else params.scale).limit_denominator(10_000)
    if factor < 1:
        raise JobFailed(f"the source is {wide}x{high} already; ask for more than that", code="BAD_REQUEST")
    if factor > LARGEST_SCALE:
        raise JobFailed(
            f"{wide}x{high} would grow {float(factor):.1f} times; at most {LARGEST_SCALE:g} times is done at once",
            code="BAD_REQUEST",
        )
    return factor


def _side(pixels: Fraction, *, even: bool) -> int:
    return max(2, round(pixels / 2) * 2) if even else max(1, round(pixels))


def _floor(scale: float) -> str:
    return f"{int(scale * 100) / 100:g}"
