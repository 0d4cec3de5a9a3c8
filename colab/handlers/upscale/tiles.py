"""Where tiles lie, and how they are put together without a seam. Pure geometry on numbers and arrays.

Every tile of a picture has one size, so that several make a batch. Of a tile the outermost `margin` is thrown away,
unless the picture ends there: what a network makes of it knows too little of its surroundings. Over the next `ramp`
pixels one tile fades into the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]

SMALLEST = 32
RAMP = 16


@dataclass(frozen=True, kw_only=True)
class TileSpan:
    """One tile along one side: where it begins, and how much each of its pixels counts."""

    start: int
    length: int
    weights: Weights  # at the scale of the result


def spans(side: int, tile: int, margin: int, scale: int) -> list[TileSpan]:
    """Return the tiles along a side of so many pixels; every pixel of the side counts in at least one."""
    if tile >= side:
        return [TileSpan(start=0, length=side, weights=np.ones(side * scale, np.float32))]
    margin, ramp = min(margin, tile // 4), min(RAMP, tile // 8)
    step = tile - 2 * margin - ramp
    starts = [*range(0, side - tile, step), side - tile]
    return [
        TileSpan(
            start=start,
            length=tile,
            weights=_weights(tile, margin, ramp, scale, first=start == 0, last=start == starts[-1]),
        )
        for start in starts
    ]


def _weights(tile: int, margin: int, ramp: int, scale: int, *, first: bool, last: bool) -> Weights:
    rising = np.concatenate(
        [
            np.zeros(margin * scale, np.float32),
            (np.arange(ramp * scale, dtype=np.float32) + 1) / (ramp * scale + 1),
        ]
    )
    weights = np.ones(tile * scale, np.float32)
    if not first:
        weights[: rising.size] = rising
    if not last:
        weights[-rising.size :] = rising[::-1]
    return weights
