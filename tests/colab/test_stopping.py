"""An attempt that ends before its task: what was finished is published, and the bench is free for the next one."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.jobs.job import Job
from protocol.errors import ChannelError, StorageFull
from protocol.kinds import tts
from tests.support.scene import Scene
from tests.support.workers import FakeBench

ECHO = Job(kind="echo", params={"text": "hi"})
STEPS = ("one", "two", "three")
SPEECH = Job(kind="tts", params={"steps": [{"id": step, "narration": step} for step in STEPS]})


class Finishing(FakeBench):
    """A bench that finishes the step it is at when it is asked to stop, and counts how often it was ended."""

    killed = 0

    def ask_to_stop(self) -> None:
        left = [event for event in self.events if event["event"] == "publish"]
        self.events = [*left[:2], {"event": "stopped"}]

    def kill(self) -> None:
        self.killed += 1
        super().kill()


def test_what_is_finished_while_the_worker_stops_is_not_made_again(scene: Scene) -> None:
    """The step that was under way when the session ended is in the last part of the released attempt."""
    handle = scene.client.submit(SPEECH)
    paths = [path for step in STEPS for path in (tts.wav_path(step), tts.words_path(step))]

    def script(task: Any) -> list[dict[str, Any]]:
        published = [{"event": "publish", "path": path} for path in paths]
        return [*published[:2], {"event": "wait", "seconds": 6}, *published[2:]]

    speaker = scene.speaker(script=script)
    bench = Finishing(**{name: getattr(speaker, name) for name in speaker.__dataclass_fields__})
    worker = scene.worker(bench)
    scene.clock.between = lambda: worker.stop() if bench.made else None
    assert worker.step(scene.clock.now)
    seen = scene.look(handle)
    assert [failure.job.code for failure in seen.errors.values()] == ["RELEASED"]
    assert [file.path for parts in seen.parts.values() for file in parts[-1].files] == paths[:4]
    assert bench.killed == 0


@pytest.mark.parametrize("error", [ChannelError, StorageFull])
def test_a_task_that_cannot_be_published_is_ended(scene: Scene, error: type[ChannelError]) -> None:
    """The bench would go on with it, and answer the next job with what comes of it."""
    scene.client.submit(ECHO)
    side = scene.side()
    side.weather.fails = lambda operation, path: error(path) if ".out-" in path else None

    def script(task: Any) -> list[dict[str, Any]]:
        return [{"event": "publish", "path": "echo.txt"}, *([{"event": "wait", "seconds": 40}] * 9)]

    bench = Finishing(scene.clock, script=script)
    assert scene.worker(bench, side=side).step(scene.clock.now)
    assert bench.killed == 1
    assert not bench.events


def test_a_task_that_ends_by_itself_keeps_the_bench(scene: Scene) -> None:
    """Its models are still loaded for the next one: done, failed by its own fault, or stopped in time."""
    bench = Finishing(scene.clock)
    failed = {"event": "failed", "code": "INPUT_CORRUPT", "message": "no"}
    for script in (None, lambda task: [failed], lambda task: [{"event": "wait", "seconds": 6}] * 3):
        bench.script = script
        scene.client.submit(Job(kind="echo", params={"text": str(script)}))
        worker = scene.worker(bench, boot=f"{len(scene.workers):016x}")
        scene.clock.between = (lambda worker=worker: worker.stop()) if len(bench.begun) == 2 else lambda: None
        assert worker.step(scene.clock.now)
    assert len(bench.begun) == 3
    assert bench.killed == 0
