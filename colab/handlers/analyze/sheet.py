"""A contact sheet: one thumbnail a shot, each with its number and time below it. Needs no font file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from media.sampling import Frame, fit_within

GAP = 8
BACKGROUND, INK = (28, 28, 28), (235, 235, 235)
MAX_SIDE, MAX_PIXELS = 16_000, 40_000_000
"""What any program can open."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LINE = 0.085  # height of the line below a thumbnail, as a part of the width
_LEAST_LINE = 18


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """One picture of a sheet, opened when it is drawn."""

    text: str
    picture: Callable[[], Frame]


def chosen(count: int, most: int) -> list[int]:
    """Return at most so many places, evenly from all."""
    if count <= most:
        return list(range(count))
    return [round(place) for place in np.linspace(0, count - 1, most)]


def clock(seconds: float) -> str:
    """Return a time as people read it, to a tenth."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def drawn(thumbnails: Sequence[Thumbnail], shape: tuple[int, int], *, width: int, columns: int) -> bytes:
    """Return the sheet as PNG. `shape` is that of the pictures; what would be too large is made smaller."""
    columns = min(columns, len(thumbnails))
    rows = -(-len(thumbnails) // columns)
    cell, line = _cell(shape, width, columns, rows)
    step = (cell[0] + GAP, cell[1] + line + GAP)
    sheet = np.full((GAP + rows * step[1], GAP + columns * step[0], 3), BACKGROUND, np.uint8)
    for place, thumbnail in enumerate(thumbnails):
        left, top = GAP + place % columns * step[0], GAP + place // columns * step[1]
        sheet[top : top + cell[1], left : left + cell[0]] = cv2.resize(
            thumbnail.picture(), cell, interpolation=cv2.INTER_AREA
        )
        _write(sheet, thumbnail.text, (left, top + cell[1]), (cell[0], line))
    made, data = cv2.imencode(".png", sheet, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    assert made, "OpenCV wrote no PNG of an array of ours"
    return bytes(data.tobytes())


def _cell(shape: tuple[int, int], width: int, columns: int, rows: int) -> tuple[tuple[int, int], int]:
    """Return the size of a thumbnail and of the line below it, such that the sheet is not too large."""
    while True:
        cell = fit_within(shape, width)
        line = max(_LEAST_LINE, round(cell[0] * _LINE))
        sides = columns * (cell[0] + GAP) + GAP, rows * (cell[1] + line + GAP) + GAP
        if (max(sides) <= MAX_SIDE and sides[0] * sides[1] <= MAX_PIXELS) or width <= 32:
            return cell, line
        width = round(width * 0.9)


def _write(sheet: Frame, text: str, corner: tuple[int, int], room: tuple[int, int]) -> None:
    """Write a line as large as there is room for it."""
    (wide, high), below = cv2.getTextSize(text, _FONT, 1.0, 2)
    scale = min((room[0] - 4) / wide, (room[1] - 4) / (high + below))
    thick = 2 if scale > 0.75 else 1
    cv2.putText(
        sheet, text, (corner[0] + 2, corner[1] + 2 + round(high * scale)), _FONT, scale, INK, thick, cv2.LINE_AA
    )
