"""Find the drawn arrow in the frames of a finished video, as a viewer sees it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

OUTLINE = ((1.2, 0.1), (1.2, 26.4), (6.9, 21), (10.5, 29.1), (16, 26.6), (12.5, 18.9), (20.6, 18.9))
INSIDE = ((2.8, 3.9), (2.8, 22.6), (7.5, 18.2), (11.3, 26.9), (13.8, 25.8), (10.1, 17.3), (16.6, 17.3))
"""The two polygons of dispatcher/tour/cursor.js, in CSS pixels."""

SIZE = (22, 30)
FINE = 8
NEAR_PX = 160
LIKENESS = 0.8
"""Measured on the example videos: 0.90 or more where the arrow is, 0.62 or less elsewhere."""

Gray = NDArray[np.uint8]
Place = tuple[int, int]


def _drawn(points: tuple[tuple[float, float], ...], inside: int, outside: int) -> Gray:
    picture = Image.new("L", (SIZE[0] * FINE, SIZE[1] * FINE), outside)
    ImageDraw.Draw(picture).polygon([(x * FINE, y * FINE) for x, y in points], fill=inside)
    return np.asarray(picture.resize(SIZE, Image.Resampling.BOX))


def _template() -> tuple[Gray, Gray]:
    """Return the arrow and the mask of what belongs to it."""
    black = _drawn(INSIDE, 255, 0).astype(float) / 255
    return np.round(255 - black * 238).astype(np.uint8), (_drawn(OUTLINE, 255, 0) > 250).astype(np.uint8)


ARROW, MASK = _template()


def find_arrow(frame: Gray, near: Place | None = None) -> Place | None:
    """Return where the arrow's picture begins (pixels), looking near a place first; None where there is none."""
    for left, top, part in _parts(frame, near):
        likeness = cv2.matchTemplate(part, ARROW, cv2.TM_CCOEFF_NORMED, mask=MASK)
        likeness[~np.isfinite(likeness)] = -1  # a plain surface has no likeness to anything
        _, best, _, (x, y) = cv2.minMaxLoc(likeness)
        if best >= LIKENESS:
            return left + x, top + y
    return None


def _parts(frame: Gray, near: Place | None) -> list[tuple[int, int, Gray]]:
    whole = (0, 0, frame)
    if near is None:
        return [whole]
    left, top = (max(0, at - NEAR_PX) for at in near)
    part = frame[top : near[1] + NEAR_PX + SIZE[1], left : near[0] + NEAR_PX + SIZE[0]]
    return [(left, top, part), whole]


def track(video: Path) -> list[Place | None]:
    """Return the arrow's place in every frame of a video."""
    places: list[Place | None] = []
    last: Place | None = None
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            place = find_arrow(frame.to_ndarray(format="gray"), last)
            last = place or last
            places.append(place)
    return places


def largest_step(places: list[Place | None]) -> tuple[float, int]:
    """Return the longest way (pixels) between two consecutive frames with the arrow, and the second one's number."""
    steps = [(math.dist(a, b), n) for n, (a, b) in enumerate(itertools.pairwise(places), 1) if a and b]
    return max(steps, default=(0.0, 0))
