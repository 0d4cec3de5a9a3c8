"""The contact sheet."""

from __future__ import annotations

import cv2
import numpy as np

from colab.handlers.analyze import figures, sheet
from colab.handlers.analyze.sheet import GAP, Thumbnail, chosen, clock, drawn


def thumbnails(count: int) -> list[Thumbnail]:
    return [
        Thumbnail(text=f"{place + 1}", picture=lambda at=place: np.full((36, 64, 3), 40 + 5 * at, np.uint8))
        for place in range(count)
    ]


def read(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def test_thumbnails_stand_in_rows_in_order():
    """Five in three columns: each keeps its shape and its place, and there is ink below each."""
    made = read(drawn(thumbnails(5), (64, 36), width=64, columns=3))
    line = sheet._LEAST_LINE
    assert made.shape[:2] == (GAP + 2 * (36 + line + GAP), GAP + 3 * (64 + GAP))
    for place in range(5):
        left, top = GAP + place % 3 * (64 + GAP), GAP + place // 3 * (36 + line + GAP)
        assert (made[top : top + 36, left : left + 64] == 40 + 5 * place).all()
        below = made[top + 36 : top + 36 + line, left : left + 64]
        assert below.max() > 150
    assert (made[-line - GAP - 36 :, GAP + 2 * (64 + GAP) :] == sheet.BACKGROUND[0]).all()


def test_many_shots_are_shown_by_some_taken_evenly():
    """The first and the last are always among them."""
    assert chosen(3, 60) == [0, 1, 2]
    assert chosen(101, 5) == [0, 25, 50, 75, 100]
    assert chosen(7, 1) == [0]


def test_a_sheet_that_would_be_too_large_has_smaller_thumbnails(monkeypatch):
    """Its sides and its area are what every program opens."""
    monkeypatch.setattr(sheet, "MAX_PIXELS", 20_000)
    made = read(drawn(thumbnails(9), (64, 36), width=64, columns=3))
    assert made.shape[0] * made.shape[1] <= 20_000


def test_main_colours_have_their_shares():
    """A quarter red, the rest blue with a little noise: two colours, and the shares of a film are those of its time."""
    picture = np.random.default_rng(1).integers(0, 6, (48, 64, 3)).astype(np.uint8)
    picture[..., 0] += 200
    picture[:24, :32] = (0, 0, 220)
    found = figures.dominant(picture)
    assert [round(one.share, 2) for one in found] == [0.75, 0.25]
    assert found[1].colour == "#dc0000"
    both = figures.all_dominant([(found, 3.0), (found[1:], 1.0)])
    assert [round(one.share, 2) for one in both] == [0.69, 0.31]


def test_times_are_written_as_people_read_them():
    """To a tenth; hours only where there are any."""
    assert [clock(at) for at in (0, 9.96, 61.25, 3661.5)] == ["0:00.0", "0:10.0", "1:01.2", "1:01:01.5"]
