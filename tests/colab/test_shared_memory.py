"""One process holds the models of every kind: what is done when they do not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs import Job
from tests.support.scene import Scene
from tests.support.workers import FakeBench

ECHO = Job(kind="echo", params={"text": "hi"})
FULL = {"event": "failed", "code": "OUT_OF_MEMORY", "message": "full", "step": None, "retryable": True}
PUBLISHED = {"event": "publish", "path": "echo.txt"}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    for worker in made.workers:
        worker.end()
    made.runs.close()


def bench_that_is_full(scene: Scene, holds: set[str], *first: Mapping[str, Any]) -> FakeBench:
    """Return a bench that runs out of memory at its first task, after these events."""
    bench = scene.bench()
    bench.loaded = set(holds)
    bench.script = lambda _task: [*first, FULL] if len(bench.begun) == 1 else [PUBLISHED]
    return bench


def test_a_job_that_has_no_room_beside_other_kinds_is_done_without_them(scene: Scene) -> None:
    """One attempt, two tries: the second by a fresh process."""
    handle = scene.client.submit(ECHO)
    bench = bench_that_is_full(scene, {"enhance", "echo"})
    assert scene.worker(bench).step(scene.clock.now)
    assert len(bench.begun) == 2
    assert len(scene.look(handle).done) == 1
    assert not scene.look(handle).errors


@pytest.mark.parametrize("holds", [{"echo"}, set()])
def test_a_job_that_has_no_room_by_itself_fails(scene: Scene, holds: set[str]) -> None:
    """Trying it again would end no better."""
    handle = scene.client.submit(ECHO)
    bench = bench_that_is_full(scene, holds)
    assert scene.worker(bench).step(scene.clock.now)
    assert len(bench.begun) == 1
    assert [each.job.code for each in scene.look(handle).errors.values() if each.job] == ["OUT_OF_MEMORY"]


def test_what_is_published_is_not_made_twice(scene: Scene) -> None:
    """An output is named once in a result: a job that has one goes on by another attempt."""
    handle = scene.client.submit(ECHO)
    bench = bench_that_is_full(scene, {"enhance"}, PUBLISHED)
    assert scene.worker(bench).step(scene.clock.now)
    assert len(bench.begun) == 1
    assert scene.look(handle).errors
