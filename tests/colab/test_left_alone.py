"""One job that cannot be taken, or at which the worker makes a mistake, never keeps it from the others."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from colab.taking import FAILED_AGAIN_S
from dispatcher.jobs.client import Handle
from dispatcher.jobs.job import Job
from protocol.layout import LAST_ATTEMPT, JobNames
from protocol.observation import JobReader
from tests.support.scene import SLOW, Scene
from tests.support.workers import FakeBench

LEASE_S = 240
PUBLISHED = {"event": "publish", "path": "echo.txt"}
ECHO = Job(kind="echo", params={"text": "hi"})
OTHER = Job(kind="echo", params={"text": "another"})


def name_of(scene: Scene, handle: Handle) -> str:
    """Return the id of a job."""
    return scene.runs.get(handle.run).job


@pytest.mark.fault("attempts-used-up")
@pytest.mark.parametrize("claimed", [False, True], ids=["an empty turn", "a valid claim"])
def test_a_job_without_an_attempt_number_left_is_told_once_and_left(
    scene: Scene, claimed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever wrote the last number, nobody claims the job any more; the worker lives and does the others."""
    handle, other = scene.client.submit(ECHO), scene.client.submit(OTHER)
    if claimed:
        scene.claim(handle, "1" * 16, n=LAST_ATTEMPT)
    else:
        scene.side().put(JobNames(name_of(scene, handle)).turn(LAST_ATTEMPT), b"")
    bench = scene.bench()
    worker = scene.worker(bench)
    with caplog.at_level(logging.INFO, "colab"):
        for _ in range(2 * LEASE_S // 5):
            worker.step(scene.clock.now)
            scene.clock.now += 5
    assert scene.step(other) is not None
    assert [task.params["text"] for task in bench.begun] == ["another"]
    assert len([line for line in caplog.messages if str(LAST_ATTEMPT) in line]) == 1


class Broken(FakeBench):
    """A bench whose events are of a kind that the worker was never written for, for one job."""

    killed = 0

    def begin(self, task: Any) -> None:
        super().begin(task)
        if task.params["text"] == "hi":
            self.events = [{"event": "engine"}]

    def kill(self) -> None:
        self.killed += 1
        super().kill()


def test_a_mistake_in_the_middle_of_a_job_ends_that_attempt_only(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker stops what the bench is at, releases the job, does the next one, and tries again in half an hour."""
    handle, other = scene.client.submit(ECHO), scene.client.submit(OTHER)
    bench = Broken(scene.clock)
    worker = scene.worker(bench)
    for _ in range(6):
        worker.step(scene.clock.now)
        scene.clock.now += 5
    assert scene.step(other) is not None
    assert sorted(task.params["text"] for task in bench.begun) == ["another", "hi"]
    assert bench.killed == 1
    assert [failure.job.code for failure in scene.look(handle).errors.values()] == ["RELEASED"]
    (told,) = [record for record in caplog.records if record.exc_info]
    assert name_of(scene, handle) in told.getMessage()
    scene.clock.now += FAILED_AGAIN_S
    worker.step(scene.clock.now)
    assert sorted(task.params["text"] for task in bench.begun) == ["another", "hi", "hi"]


def test_a_job_that_cannot_be_understood_is_told_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder at whose sight the worker makes a mistake is looked at again and again, and told of once."""
    handle, other = scene.client.submit(ECHO), scene.client.submit(OTHER)
    real = JobReader.look

    def look(reader: JobReader) -> Any:
        if reader._job == name_of(scene, handle):
            raise TypeError("nobody thought of this")
        return real(reader)

    monkeypatch.setattr(JobReader, "look", look)
    worker = scene.worker(scene.bench())
    for _ in range(6):
        worker.step(scene.clock.now)
        scene.clock.now += SLOW.poll_s
    assert scene.step(other) is not None
    assert len([record for record in caplog.records if record.exc_info]) == 1
    monkeypatch.undo()
    scene.clock.now += FAILED_AGAIN_S
    assert worker.step(scene.clock.now)


def test_a_mistake_at_a_kept_job_costs_no_other(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that was delivered is looked at beside the next job: what goes wrong there is no fault of that one."""
    first = scene.client.submit(ECHO)
    real, mistakes = JobReader.look, []

    def look(reader: JobReader) -> Any:
        if mistakes and reader._job == name_of(scene, first):
            mistakes.append("another")
            raise TypeError("nobody thought of this")
        return real(reader)

    bench = scene.bench(script=lambda task: [*([{"event": "wait", "seconds": SLOW.beat_s}] * 3), PUBLISHED])
    worker = scene.worker(bench)
    assert worker.step(scene.clock.now)
    mistakes.append("the first")
    second = scene.client.submit(OTHER)
    with monkeypatch.context() as patch:
        patch.setattr(JobReader, "look", look)
        assert worker.step(scene.clock.now)
    assert len(mistakes) > 2
    assert [scene.step(handle) is not None for handle in (first, second)] == [True, True]
