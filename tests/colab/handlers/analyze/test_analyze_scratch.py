"""Pictures that may come to stand for a shot."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from colab.handlers.analyze import figures
from colab.handlers.analyze.resume import SAVING
from colab.handlers.analyze.rows import WIDTH, FrameMeasures, FrameTable, Table
from colab.handlers.analyze.watching import FrameMeter, Scratch
from media import ffmpeg
from media.confined import examine
from protocol.kinds.analyze import Params


def picture(level: int) -> np.ndarray:
    return np.full((24, 32, 3), level, np.uint8)


@pytest.fixture
def scratch(tmp_path):
    made = Scratch(tmp_path / "pictures", seconds=10, cut_score=15)
    yield made
    made.close()


def show(scratch, *shown: tuple[float, float, float]) -> list[int]:
    """Show pictures of (time, score, sharpness) and return the places that were kept."""
    for place, (at_s, score, sharpness) in enumerate(shown):
        scratch.add(place, at_s, score, sharpness, picture(10 * place))
    scratch.flush()
    return scratch.places


def test_the_sharpest_of_each_half_second_is_kept(scratch):
    """And reads as it was shown, as near as a JPEG is."""
    assert show(scratch, (0, 0, 1), (0.2, 0, 5), (0.4, 0, 3), (0.6, 0, 2), (0.8, 0, 1)) == [1, 3]
    assert abs(scratch.picture(1).astype(int) - 10).max() <= 1
    assert not scratch.has(0)


def test_a_shot_shorter_than_half_a_second_has_a_picture_of_its_own(scratch):
    """Wherever there may be a cut, a new stretch begins."""
    assert show(scratch, (0, 0, 9), (0.1, 20, 1), (0.2, 20, 8), (0.3, 0, 9)) == [0, 1, 3]


def test_a_picture_of_an_earlier_attempt_counts_but_is_not_here(scratch):
    """It is read from the film once more if it is chosen."""
    scratch.add(0, 0.0, 0.0, 1.0, None)
    scratch.flush()
    assert scratch.places == [0]
    assert not scratch.has(0)


def test_a_picture_that_was_not_kept_is_fetched_just_alike(parts, put):
    """Which way it came cannot be seen: both ways lead through the same file."""
    desk, media = put(parts), examine(parts)
    watching = FrameMeter(desk, ffmpeg.find(), media, Params(size=64), side=96, saving=SAVING)
    table = watching.watch(lambda _: None)
    place = watching.scratch.places[0]
    kept = watching.fetch(place, table)
    watching.scratch._kept.clear()
    assert (watching.fetch(place, table) == kept).all()
    assert watching.size == (96, 64)
    assert watching.measured == (64, 43)
    watching.scratch.close()


def rows(*sharpness: float, black: tuple[int, ...] = ()) -> Table:
    made = FrameTable()
    for place, value in enumerate(sharpness):
        row = FrameMeasures(*[0.0] * WIDTH)._replace(sharpness=value, black=float(place in black))
        made.add(place / 10, row)
    return Table(made, float(Fraction(1, 10)))


@pytest.mark.parametrize(
    ("sharpness", "among", "black", "chosen"),
    [
        ((5, 5, 5, 5, 5), [0, 2, 4], (), 2),  # all alike: the middle
        ((9, 1, 1, 1, 2), [0, 2, 4], (), 0),  # much sharper at the edge
        ((9, 1, 1, 1, 2), [0, 2, 4], (0,), 4),  # but not if that is black
        ((9, 1, 1, 1, 2), [], (), 2),  # none was kept
    ],
)
def test_the_sharpest_picture_near_the_middle_stands_for_a_shot(sharpness, among, black, chosen):
    """A black one only if there is no other."""
    table = rows(*sharpness, black=black)
    assert figures.representative(table, 0, 5, figures.places(among)) == chosen
