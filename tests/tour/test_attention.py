"""Where a step is busy: at the places the mouse went to, while keys followed it."""

from __future__ import annotations

import pytest

from dispatcher.tour.browser.pointer import PointerMove
from dispatcher.tour.recording.camera import activity_focus


def test_a_place_lasts_while_keys_are_pressed_there() -> None:
    """Typing after a click belongs to the click, until the mouse goes on. Times count from the take's own 0."""
    moves = [PointerMove(began=100.5, arrived=101, x=320, y=180), PointerMove(began=108, arrived=108.5, x=640, y=360)]
    first, second = activity_focus(moves, [(101.5, 103), (103.2, 106)], (1280, 720), 100)
    assert (first.start_s, first.end_s) == pytest.approx((1, 6))
    assert (first.left, first.top) == pytest.approx((0.2, 0.2))
    assert (second.start_s, second.end_s) == pytest.approx((8.5, 8.5))


def test_keys_before_any_click_have_no_place() -> None:
    """Nobody knows where on the page they went."""
    assert activity_focus([], [(1, 2)], (1280, 720), 0) == ()


def test_an_action_that_clicks_before_it_types_stays_at_its_click() -> None:
    """Typing into an element begins with the way there: the camera stays until the last key."""
    moves = [PointerMove(began=100.5, arrived=101, x=320, y=180), PointerMove(began=108, arrived=108.5, x=640, y=360)]
    first, second = activity_focus(moves, [(100.2, 106), (107.8, 111)], (1280, 720), 100)
    assert (first.start_s, first.end_s) == pytest.approx((1, 6))
    assert (second.start_s, second.end_s) == pytest.approx((8.5, 11))
