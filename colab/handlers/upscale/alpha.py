"""Colours where a picture is transparent: taken from around, so that none of them bleeds into what is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from colab.handlers.upscale.engine import Planes

Real = NDArray[np.float32]


def filled(colours: Planes, alpha: Planes) -> Planes:
    """Return the colours with those of fully transparent pixels replaced by the nearest visible ones, smoothly.

    Visible colours stay bit for bit. Push-pull (Gortler et al., The Lumigraph, 1996): averages of what is visible, of
    ever larger surroundings, are put where nothing is.
    """
    seen = (alpha > 0).astype(np.float32)
    if not seen.any():
        return colours
    smooth = _pulled(colours.astype(np.float32) * seen, seen)
    most = np.iinfo(colours.dtype).max
    around = np.clip(np.rint(smooth), 0, most).astype(colours.dtype)
    return np.where(alpha > 0, colours, around)


def _pulled(sums: Real, weights: Real) -> Real:
    """Return sums/weights, and where the weight is 0 what half the resolution has there."""
    known = weights > 0
    here = np.divide(sums, weights, out=np.zeros_like(sums), where=known)
    if known.all() or weights.size == 1:
        return here
    coarse = _pulled(_halved(sums), _halved(weights[None])[0])
    height, width = weights.shape
    large = coarse.repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width]
    return np.where(known, here, large)


def _halved(planes: Real) -> Real:
    height, width = planes.shape[1:]
    even = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)))
    return even[:, 0::2, 0::2] + even[:, 1::2, 0::2] + even[:, 0::2, 1::2] + even[:, 1::2, 1::2]
