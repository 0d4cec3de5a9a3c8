"""How long data is waited for: from its last growth, longer for its size, at the rate that was measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.jobs.arrivals import Arrivals, on_the_way
from dispatcher.jobs.job import Job
from protocol.drop import ONE_MACHINE, REMOTE, SYNC_TOOL, TimeLimits
from protocol.layout import JobNames
from protocol.messages import OutputFile
from protocol.observation import Observation
from tests.support import answers
from tests.support.scene import Scene

MEGABYTE = 1_000_000
CONTENT = b"x" * (11 * MEGABYTE)
OUT = JobNames("j").out(answers.attempt(), 1).partition("/")[2]
OTHER = JobNames("j").out(answers.attempt(2), 1).partition("/")[2]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.client.close()
    made.runs.close()


def bring(scene: Scene, job: str, size: int) -> None:
    """Let the tool's temporary file of the first output be so large."""
    name = JobNames(job).out(answers.attempt(), 1).partition("/")[2]
    scene.store.files.pop(f"{job}/.syncthing.{name}.tmp", None)
    scene.store.write(f"{job}/.syncthing.{name}.tmp", CONTENT[:size], double=False)


@pytest.mark.parametrize(
    ("limits", "missing", "rate", "more_s"),
    [
        (REMOTE, 20, None, 0),
        (REMOTE, 11 * MEGABYTE, None, 171),
        (REMOTE, 11 * MEGABYTE, 100_000.0, 220),
        (REMOTE, 11 * MEGABYTE, 1e9, 0),
        (SYNC_TOOL, 10_000 * MEGABYTE, None, 3600),
        (ONE_MACHINE, 10_000 * MEGABYTE, None, 0),
        (ONE_MACHINE, 10_000 * MEGABYTE, 1000.0, 0),
    ],
)
def test_large_data_has_more_time(limits: TimeLimits, missing: int, rate: float | None, more_s: float) -> None:
    """Without a measured rate 64 kB/s are assumed, with one twice its time is given; an hour at most."""
    assert limits.more_s(missing, rate) == more_s


def test_large_data_is_asked_for_and_given_up_later(scene: Scene) -> None:
    """11 MB may take three minutes on a slow line: only then does the time begin that a small file has."""
    handle = scene.client.submit(Job(kind="echo", params={"text": "hi"}))
    job = scene.runs.get(handle.run).job
    answers.deliver(scene.side(), job, answers.attempt(), {"echo.txt": CONTENT}, stored={})
    more_s = REMOTE.more_s(len(CONTENT), None)
    scene.step(handle)
    scene.step(handle, REMOTE.need_s[0] + more_s - 2)
    assert not scene.look(handle).needs
    scene.step(handle, 2)
    assert len(scene.look(handle).needs) == 1
    scene.step(handle, REMOTE.data_s - REMOTE.need_s[0] - 2)
    assert not scene.look(handle).rejected
    scene.step(handle, 3)
    assert "never arrived whole" in str(scene.look(handle).rejected)


def test_progress_says_how_much_is_here(scene: Scene) -> None:
    """What a tool has brought so far counts, and each growth begins the wait anew."""
    handle = scene.client.submit(Job(kind="echo", params={"text": "hi"}))
    job = scene.runs.get(handle.run).job
    answers.deliver(scene.side(), job, answers.attempt(), {"echo.txt": CONTENT}, stored={})
    scene.step(handle)
    none = "uploading: 0.0 of 11.0 MB seen, 0 of 1 files complete (echo.txt is missing); w has"
    assert scene.progress.text.startswith(none)
    for megabytes in (1.0, 2.05, 4.1):
        bring(scene, job, int(megabytes * MEGABYTE))
        scene.step(handle, REMOTE.data_s - 10)
    assert scene.progress.text.startswith("uploading: 4.1 of 11.0 MB seen")
    assert not scene.look(handle).needs
    assert not scene.look(handle).rejected


def test_a_rate_is_measured_from_what_came() -> None:
    """The rate is measured from this process's own observations, not what was here before, nor other attempts' data."""
    arrivals = Arrivals()
    assert arrivals.look(Observation(coming={OUT: 5 * MEGABYTE}), 100) == []
    assert arrivals.bytes_per_s(answers.attempt()) is None
    assert arrivals.look(Observation(coming={OUT: 7 * MEGABYTE, OTHER: 1}), 110) == [
        answers.attempt(),
        answers.attempt(2),
    ]
    assert arrivals.bytes_per_s(answers.attempt()) == 200_000
    assert arrivals.grew_at(answers.attempt(), 150) == 110
    assert arrivals.look(Observation(coming={OUT: 7 * MEGABYTE, OTHER: 1}), 130) == []
    assert arrivals.last_grew() == 110


def test_one_file_may_hold_several_outputs() -> None:
    """Of a bundle the bytes of the file count once, and never more than the manifest promises."""
    files = [OutputFile(path=f"{k}.txt", in_=OUT, at=100 * k, size=100, sha256="0" * 64) for k in range(3)]
    alone = dataclasses.replace(Observation(), coming={OUT: 150})
    assert on_the_way(alone, files) == (150, 300)
    assert on_the_way(dataclasses.replace(Observation(), coming={OUT: 999}), files) == (300, 300)
    assert on_the_way(Observation(), files) == (0, 300)
