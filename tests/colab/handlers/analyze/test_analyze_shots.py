"""Scores and cuts, against PySceneDetect with the pictures themselves."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector

from colab.handlers.analyze.rows import FrameTable, Meter, Table
from colab.handlers.analyze.shots import cuts
from protocol.kinds.analyze import Params

RATE = 10


def pictures() -> list[np.ndarray]:
    """Return forty pictures: noise that drifts, with hard changes at 12, 15 and 30."""
    random, made, base = np.random.default_rng(3), [], None
    for place in range(40):
        if place in (0, 12, 15, 30):
            base = random.integers(0, 255, (24, 32, 3))
        made.append(np.clip(base + random.integers(-9, 9, (24, 32, 3)), 0, 255).astype(np.uint8))
    return made


def table(shown: list[np.ndarray]) -> Table:
    meter, rows = Meter(black_level=0.1, freeze_noise=0.001), FrameTable()
    for place, picture in enumerate(shown):
        rows.add(place / RATE, meter.measure(picture))
    return Table(rows, 1 / RATE)


@pytest.mark.parametrize("name", ["content", "adaptive"])
@pytest.mark.parametrize("min_shot", [0.0, 0.5])
def test_cuts_are_those_of_pyscenedetect(name, min_shot):
    """Its detector finds the same cuts when it is shown the pictures."""
    shown = pictures()
    theirs = (
        ContentDetector(27.0, min_scene_len=min_shot)
        if name == "content"
        else AdaptiveDetector(3.0, min_scene_len=min_shot)
    )
    expected = [
        cut.frame_num
        for place, picture in enumerate(shown)
        for cut in theirs.process_frame(FrameTimecode(place, float(RATE)), picture)
    ]
    assert expected
    found = cuts(table(shown), Params(detector=name, min_shot=min_shot), Fraction(RATE), lambda: None)
    assert found == [0, *expected]


def test_scores_are_those_of_pyscenedetect():
    """The content value is the same number to the last digits that a file of scores has."""
    shown = pictures()
    theirs, expected = ContentDetector(), []
    for place, picture in enumerate(shown):
        theirs.process_frame(FrameTimecode(place, float(RATE)), picture)
        expected.append(theirs._frame_score)
    assert table(shown).column("score") == pytest.approx(expected, rel=1e-5)


def test_a_frozen_picture_is_like_the_first_of_its_kind():
    """What drifts away slowly is no freeze: it is compared with where it began."""
    still = np.full((24, 32, 3), 90, np.uint8)
    drifting = [still + np.uint8(place) for place in range(6)]
    assert table([still] * 4).column("frozen").tolist() == [0, 1, 1, 1]
    assert table(drifting).column("frozen").tolist() == [0] * 6
