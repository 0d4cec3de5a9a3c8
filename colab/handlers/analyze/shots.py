"""Where the cuts are, by PySceneDetect's detectors. They are fed with the scores of a film, never with its file."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector

from colab.handlers.analyze.rows import Table
from media.sampling import TICKS
from protocol.kinds.analyze import Params

_EVERY = 5000  # pictures between two looks up
_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)


class _Content(ContentDetector):  # type: ignore[misc]  # untyped
    """PySceneDetect's detector with scores that are known already."""

    score = 0.0

    def _calculate_frame_score(self, *_: Any) -> float:
        return self.score


class _Adaptive(AdaptiveDetector):  # type: ignore[misc]  # untyped
    score = 0.0

    def _calculate_frame_score(self, *_: Any) -> float:
        return self.score


def detector(params: Params) -> _Content | _Adaptive:
    """Return the detector that was asked for."""
    if params.detector == "content":
        return _Content(threshold=params.cut_threshold, min_scene_len=float(params.min_shot))
    return _Adaptive(adaptive_threshold=params.cut_threshold, min_scene_len=float(params.min_shot))


def cuts(table: Table, params: Params, rate: Fraction, look_up: Callable[[], None]) -> list[int]:
    """Return the places of the pictures that begin a shot, the first picture among them."""
    finds = detector(params)
    places: dict[int, int] = {}
    found = [0]
    for place, (at_s, score) in enumerate(zip(table.times, table.column("score"), strict=True)):
        ticks = round(float(at_s) * TICKS)
        places[ticks] = place
        finds.score = float(score)
        cut = finds.process_frame(FrameTimecode(Timecode(ticks, Fraction(1, TICKS)), rate), _NO_PICTURE)
        found += [places[one.pts] for one in cut]
        if place % _EVERY == 0:
            look_up()
    return sorted(set(found))


def least_score(params: Params) -> float:
    """Return the score below which no picture begins a shot."""
    return params.cut_threshold if params.detector == "content" else detector(params).min_content_val
