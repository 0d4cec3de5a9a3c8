"""Tiles cover a picture, all of one size, and fade into each other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from colab.handlers.upscale.tiles import spans


@settings(max_examples=200, deadline=None)
@given(side=st.integers(1, 700), tile=st.integers(32, 300), margin=st.integers(0, 60), scale=st.integers(1, 4))
def test_every_pixel_counts_and_tiles_are_of_one_size(side: int, tile: int, margin: int, scale: int) -> None:
    """No gap between tiles, none outside the picture, and equal shapes for batches."""
    total = np.zeros(side * scale)
    found = spans(side, tile, margin, scale)
    for span in found:
        assert span.start >= 0
        assert span.start + span.length <= side
        total[span.start * scale : (span.start + span.length) * scale] += span.weights
    assert len({span.length for span in found}) == 1
    assert total.min() > 0


def test_what_knows_too_little_of_its_surroundings_does_not_count() -> None:
    """The margin of a tile is thrown away inside the picture, and kept where the picture ends."""
    first, *_, last = spans(200, 64, 10, 2)
    assert not first.weights[-20:].any()
    assert (first.weights[:20] == 1).all()
    assert not last.weights[:20].any()
    assert (last.weights[-20:] == 1).all()
