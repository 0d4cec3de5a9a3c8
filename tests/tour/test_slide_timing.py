"""When slides change: evenly, by sentence, by paragraph, or by the clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.tour.slides.timing import LEAST_S, least, shares, starts


def test_an_interval_is_kept_exactly() -> None:
    """Each slide has its interval, whatever is said; what is longer stays on the last one."""
    assert starts(3, "a. b. c.", 100, interval_s=2) == (0, 2, 4, 6)
    assert starts(3, "", 0.0, interval_s=2) == (0, 2, 4, 6)
    assert least(3, 2) == 6


def test_without_one_the_narration_is_shared_out() -> None:
    """Text of too few sentences is shared out evenly."""
    assert starts(4, "Only one sentence here.", 20, interval_s=None) == (0, 5, 10, 15, 20)
    assert starts(2, "", 8, interval_s=None, least_s=3) == (0, 4, 8)
    assert starts(2, "", 0, interval_s=None, least_s=10) == (0, 5, 10)


def test_a_change_falls_between_sentences() -> None:
    """Of all ends of sentences the one nearest to an even share is taken."""
    text = "Four letters here. " * 3 + "A second part."
    first, second = shares(text, 2)
    assert first == pytest.approx(36 / 68, abs=0.02)
    assert first + second == pytest.approx(1)


def test_a_paragraph_for_each_slide() -> None:
    """As many paragraphs as slides belong to them one by one, however uneven."""
    assert shares("One. Two. Three. Four five and six.\n\nShort.", 2) == [pytest.approx(35 / 41), pytest.approx(6 / 41)]


def test_full_stops_of_other_scripts() -> None:
    """Chinese and Japanese sentences end without a space."""
    assert shares("一二三。一二三四五六七。", 2) == [pytest.approx(4 / 12), pytest.approx(8 / 12)]


def test_a_short_narration_leaves_no_slide_out() -> None:
    """Every slide is there long enough to be seen."""
    times = starts(5, "Short.", 1.0, interval_s=None)
    assert times == tuple(n * LEAST_S for n in range(6))
    assert least(5, None) == 5 * LEAST_S


@given(st.text(max_size=300), st.integers(1, 20), st.floats(0, 100))
def test_whatever_is_said(text: str, count: int, said: float) -> None:
    """There is a time for each slide, in order, and the last ends no earlier than the narration."""
    times = starts(count, text, said, interval_s=None)
    assert len(times) == count + 1
    assert times[0] == 0
    assert all(later - earlier >= LEAST_S - 1e-9 for earlier, later in pairwise(times))
    assert times[-1] >= said - 1e-6
