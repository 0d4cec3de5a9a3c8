"""Rows of many pictures made into what the analysis says: spans, looks, colours, curves. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from colab.handlers.analyze.listening import curve_step
from colab.handlers.analyze.rows import Table, Values
from media.sampling import Frame
from protocol.kinds.analysis import MAX_POINTS, MAX_SPANS, Curve, Curves, Dominant, Look, Span
from protocol.kinds.analyze import Params

Flags = NDArray[np.bool_]

CURVE_S = 0.5
COLOURS = 5
_SIDE = 64  # what dominant colours are counted on
_ALIKE = 24.0  # colours nearer than this are one
_RARE = 0.02
_ROUNDS = 20
_AROUND = 0.5  # how much less a picture counts at the edge of its shot than in its middle


def black(table: Table, params: Params) -> tuple[Span, ...]:
    """Return when the picture is black."""
    flags = table.column("black") >= params.black_share - 1e-6
    return _spans(table, flags, params.black_seconds)


def frozen(table: Table, params: Params) -> tuple[Span, ...]:
    """Return when the picture stands still, from the first of its like pictures on."""
    flags = table.column("frozen") > 0
    flags[:-1] |= flags[1:]
    return _spans(table, flags, params.freeze_seconds, breaks=table.column("frozen") == 0)


def _spans(table: Table, flags: Flags, least_s: float, breaks: Flags | None = None) -> tuple[Span, ...]:
    """Return the spans of flagged pictures that are long enough. A new one begins at each of `breaks`."""
    spans: list[Span] = []
    starts = flags & ~np.concatenate([[False], flags[:-1]])
    if breaks is not None:
        starts |= flags & breaks
    for first in map(int, np.flatnonzero(starts)):
        rest = ~flags[first + 1 :] | starts[first + 1 :]
        after = first + 1 + (int(np.argmax(rest)) if rest.any() else rest.size)
        start_s, end_s = round(float(table.times[first]), 3), round(table.until(after), 3)
        if end_s - start_s >= least_s - 1e-6 and len(spans) < MAX_SPANS:
            spans.append(Span(start_s=start_s, end_s=end_s))
    return tuple(spans)


def look(table: Table, first: int, after: int, cuts: Sequence[int] = ()) -> Look:
    """Return how the pictures from `first` to before `after` look on average.

    What moves is seen within a shot: what changes at `first` and at `cuts` is no motion.
    """
    within = np.ones(after - first, np.bool_)
    within[[0, *(cut - first for cut in cuts)]] = False

    def mean(name: str) -> float:
        part = table.column(name)[first:after]
        part = part[within] if name == "motion" else part
        return round(float(part.mean(dtype=np.float64)), 4) if part.size else 0.0

    return Look(
        sharpness=mean("sharpness"),
        motion=mean("motion"),
        brightness=mean("brightness"),
        contrast=mean("contrast"),
        saturation=mean("saturation"),
        colourfulness=mean("colourfulness"),
        mean=_hex(*(255 * mean(name) for name in ("blue", "green", "red"))),
    )


def representative(table: Table, first: int, after: int, among: NDArray[np.int64]) -> int:
    """Return the place of the sharpest picture near the middle of a shot, of those `among` that lie in it.

    A black picture stands for a shot only if there is no other.
    """
    here = among[(among >= first) & (among < after)]
    if not here.size:
        return (first + after - 1) // 2
    start, end = float(table.times[first]), table.until(after)
    off = np.abs(table.times[here] - (start + end) / 2) / max((end - start) / 2, 1e-6)
    worth = (table.column("sharpness")[here] + 1e-3) * (1 - _AROUND * np.minimum(off, 1))
    worth *= np.where(table.column("black")[here] < 1 - _RARE, 1.0, 1e-6)
    return int(here[int(np.argmax(worth))])


def dominant(picture: Frame) -> tuple[Dominant, ...]:
    """Return the main colours of a picture, the commonest first: k-means, begun from the brightness, without dice."""
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32)
    order = np.argsort(small.sum(axis=1), kind="stable")
    labels = np.empty(len(small), np.int64)
    labels[order] = np.arange(len(small)) * COLOURS // len(small)
    for _ in range(_ROUNDS):
        counts = np.maximum(np.bincount(labels, minlength=COLOURS), 1)
        sums = [np.bincount(labels, weights=small[:, part], minlength=COLOURS) for part in range(3)]
        centres = (np.stack(sums, axis=1) / counts[:, None]).astype(np.float32)
        nearest = np.argmin(((small[:, None] - centres) ** 2).sum(axis=2), axis=1)
        if (nearest == labels).all():
            break
        labels = nearest
    counts = np.bincount(labels, minlength=COLOURS)
    return mixed([(centre, int(count)) for centre, count in zip(centres, counts, strict=True) if count])


def mixed(parts: list[tuple[NDArray[np.float32], int]]) -> tuple[Dominant, ...]:
    """Return the main ones of many colours with their weights: those that are alike taken together."""
    total = sum(count for _, count in parts)
    kept: list[tuple[NDArray[np.float32], int]] = []
    for centre, count in sorted(parts, key=lambda part: (-part[1], part[0].tolist())):
        near = next((place for place, (one, _) in enumerate(kept) if np.linalg.norm(one - centre) < _ALIKE), None)
        if near is None:
            kept.append((centre, count))
        else:
            one, many = kept[near]
            mean = np.asarray((one * many + centre * count) / (many + count), np.float32)
            kept[near] = (mean, many + count)
    kept.sort(key=lambda part: (-part[1], part[0].tolist()))
    made = [Dominant(colour=_hex(*centre), share=round(count / total, 4)) for centre, count in kept]
    return tuple(one for one in made if one.share >= _RARE)[:COLOURS]


def all_dominant(shots: list[tuple[tuple[Dominant, ...], float]]) -> tuple[Dominant, ...]:
    """Return the main colours of all shots, each with its length."""
    parts = [
        (np.array(_numbers(one.colour), np.float32), max(1, round(1e6 * one.share * seconds)))
        for colours, seconds in shots
        for one in colours
    ]
    return mixed(parts) if parts else ()


def curves(table: Table) -> Curves:
    """Return how brightness, motion and sharpness change."""
    step_s = curve_step(table.end_s, CURVE_S)
    places = np.minimum((table.times / step_s).astype(np.int64), MAX_POINTS - 1)
    counts = np.bincount(places)
    return Curves(
        brightness=_curve(table.column("brightness"), places, counts, step_s),
        motion=_curve(table.column("motion"), places, counts, step_s),
        sharpness=_curve(table.column("sharpness"), places, counts, step_s),
    )


def _curve(values: Values, places: NDArray[np.int64], counts: NDArray[np.int64], step_s: float) -> Curve:
    """Return the mean of each step. One without a picture has the value before: that picture is still shown."""
    sums = np.bincount(places, weights=values)
    means: list[float] = []
    for total, count in zip(sums, counts, strict=True):
        means.append(round(float(total) / int(count), 4) if count else means[-1] if means else 0.0)
    return Curve(step_s=step_s, values=tuple(means))


def _hex(blue: float, green: float, red: float) -> str:
    return "#" + "".join(f"{min(255, max(0, round(float(value)))):02x}" for value in (red, green, blue))


def _numbers(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return blue, green, red


def places(numbers: list[int]) -> NDArray[np.int64]:
    """Return places as an array."""
    return np.array(numbers, np.int64)
