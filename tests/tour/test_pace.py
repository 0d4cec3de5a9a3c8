"""The pace of typing and of the pointer, and the warning if a machine cannot keep it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dispatcher.tour.browser.pace import PaceLog, slow_step_warning
from dispatcher.tour.browser.pointer import eased
from dispatcher.tour.spec.typing_pace import LONGEST_S, PER_SECOND, bursts


@pytest.mark.parametrize("letters", [1, 30, 144, 1000, 20_000])
def test_every_letter_is_typed_in_order_and_in_time(letters: int) -> None:
    """The pieces are the text, their times only grow, and none lies later than about eight seconds."""
    text = ("gpudrop " * 2500)[:letters]
    pieces = bursts(text)
    assert "".join(piece for piece, _ in pieces) == text
    times = [at for _, at in pieces]
    assert times == sorted(times)
    assert times[-1] < 1.3 * min(LONGEST_S, letters / PER_SECOND) + 0.1
    assert len(pieces) <= 1100


def test_typing_is_uneven_but_always_the_same() -> None:
    """Two letters are not two ticks of a clock, and a video made again is typed the same."""
    pieces = bursts("import numpy as np")
    gaps = {round(b - a, 4) for (_, a), (_, b) in pairwise(pieces)}
    assert len(gaps) > 10
    assert pieces == bursts("import numpy as np")


def test_a_given_delay_is_kept() -> None:
    """A delay of the spec is neither shortened nor varied; no text is typed in no time."""
    assert bursts("abc", 0.5) == [("a", 0.0), ("b", 0.5), ("c", 1.0)]
    assert bursts("") == []


def test_movement_starts_and_ends_slowly() -> None:
    """Eased movement covers the whole way and hardly any of it in the first and last tenth."""
    assert (eased(-1), eased(0), eased(0.5), eased(1), eased(2)) == (0, 0, 0.5, 1, 1)
    assert eased(0.1) < 0.01
    assert eased(0.9) > 0.99


def test_only_what_is_slower_than_planned_counts() -> None:
    """A movement that takes longer shortens the planned duration of the take; a faster one does not lengthen it."""
    pace = PaceLog()
    pace.add(0.7, 3.2)
    pace.add(5.0, 4.0)
    assert pace.planned_s(10.0) == pytest.approx(7.5)
    assert pace.planned_s(1.0) == 0.0
    pace.clear()
    assert pace.planned_s(10.0) == 10.0


@pytest.mark.parametrize(
    ("planned_s", "actual_s", "is_slow"), [(5.0, 5.5, False), (5.0, 7.5, True), (30.0, 33.0, False), (1.0, 2.9, False)]
)
def test_a_slow_step_is_a_warning_with_both_durations(planned_s: float, actual_s: float, is_slow: bool) -> None:
    """A step is slow if it lasts two seconds and a quarter longer than planned."""
    warning = slow_step_warning(planned_s, actual_s)
    assert (warning is not None) is is_slow
    assert warning is None or f"lasts {actual_s:.1f} s instead of {planned_s:.1f} s" in warning
