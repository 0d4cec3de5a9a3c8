"""How long a film will still take: told when it is known, by what was made of late."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from colab.handlers.upscale import video


class _Work:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def progress(self, done: int, total: int, note: str) -> None:
        self.notes.append(note)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Hold the time that the pace goes by."""
    now = [100.0]
    monkeypatch.setattr(video.time, "monotonic", lambda: now[0])
    return now


def _left(note: str) -> float:
    found = re.search(r"(\d+) s left", note)
    assert found, note
    return float(found[1])


def test_the_first_seconds_promise_nothing(clock: list[float]) -> None:
    """Frames that only fill the encoder are counted, and no end is told by them; after them the end is the true one."""
    work = _Work()
    pace = video._Pace(work=cast(Any, work), total=250, every_s=0.2)
    pace.report(0, 0)
    clock[0] += 0.3
    pace.report(52, 0)
    assert work.notes[-1] == "52 of 250 frames"
    for done in range(53, 250):
        clock[0] += 14 / 198
        pace.report(done, 0)
    assert _left(work.notes[-1]) <= 1
    halfway = next(note for note in work.notes if int(note.split()[0]) >= 190)
    assert _left(halfway) == pytest.approx(4.3, abs=1)


def test_a_change_of_pace_is_followed(clock: list[float]) -> None:
    """What was made long ago does not count: slower frames lead to a later end within the window."""
    work = _Work()
    pace = video._Pace(work=cast(Any, work), total=1000, every_s=0.2)
    for done in range(0, 501):
        clock[0] += 0.02
        pace.report(done, 0)
    for done in range(501, 521):
        clock[0] += 1.0
        pace.report(done, 0)
    assert _left(work.notes[-1]) == pytest.approx(480, rel=0.1)


def test_what_was_kept_is_no_pace(clock: list[float]) -> None:
    """Frames of an earlier attempt are not counted as made in no time."""
    work = _Work()
    pace = video._Pace(work=cast(Any, work), total=300, every_s=0.2)
    pace.report(200, 200)
    assert work.notes[-1] == "200 frames resumed from an earlier attempt"
    for done in range(201, 221):
        clock[0] += 0.5
        pace.report(done, 200)
    assert _left(work.notes[-1]) == pytest.approx(40, abs=1)
