"""What a worker makes of jobs that it does not see any more: absence is no evidence, until it has lasted (R12)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab.worker import Worker
from dispatcher.jobs.client import Handle
from dispatcher.jobs.job import Job
from protocol.drop import REMOTE
from protocol.layout import DROP_CARD
from tests.support.scene import SLOW, Scene
from tests.support.workers import whole


def echo(scene: Scene, text: str) -> Handle:
    """Submit a job."""
    return scene.client.submit(Job(kind="echo", params={"text": text}))


def name_of(scene: Scene, handle: Handle) -> str:
    """Return the id of a job."""
    return scene.runs.get(handle.run).job


def clean(scene: Scene, handle: Handle) -> None:
    """Accept a result and remove its job from the drop, as its owner does."""
    assert scene.step(handle) is not None
    scene.side().delete(name_of(scene, handle))


def busy(scene: Scene, seconds: float, meanwhile: Callable[[Any], None] = lambda task: None) -> Any:
    """Return a bench that takes so long for the job `long`, after doing something, and no time for the others."""

    def script(task: Any) -> list[dict[str, Any]]:
        done = [{"event": "publish", "path": "echo.txt"}]
        if task.params["text"] != "long":
            return done
        meanwhile(task)
        return [*([{"event": "wait", "seconds": SLOW.beat_s}] * int(seconds / SLOW.beat_s)), *done]

    return scene.bench(script=script)


def kept(worker: Worker) -> set[str]:
    """Return the jobs whose results a worker keeps."""
    return set(worker._keeper.jobs)


def test_a_job_that_was_cleaned_keeps_no_other_from_being_served(scene: Scene) -> None:
    """While the worker is at a long job, one of two kept results is gone from the drop, and the other one is missed."""
    first, second = echo(scene, "first"), echo(scene, "second")
    scene.owner.weather.hides = lambda path: path.startswith(name_of(scene, second)) and path.endswith(".out-1")
    found = []

    def meanwhile(task: Any) -> None:
        clean(scene, first)
        scene.step(second)
        scene.step(second, REMOTE.need_s[0])
        assert scene.look(second).needs

        def look() -> None:
            found.extend([scene.step(second, 0)] if scene.look(second).parts else [])

        scene.clock.between = look

    bench = busy(scene, 300, meanwhile)
    worker = scene.worker(bench)
    while worker.step(scene.clock.now):
        pass
    assert kept(worker) == {name_of(scene, first), name_of(scene, second)}
    echo(scene, "long")
    assert worker.step(scene.clock.now)
    assert found
    assert found[-1] is not None
    assert found[-1].files["echo.txt"].read_bytes() == whole("echo.txt")
    assert [task.params["text"] for task in bench.begun] == ["first", "second", "long"]


@pytest.mark.parametrize("hidden", ["", DROP_CARD], ids=["the drop answers", "nor does the drop answer"])
def test_a_result_whose_job_is_gone_is_let_go_in_time(scene: Scene, hidden: str) -> None:
    """Missing in three looks over ten minutes at a drop that answers, while another job runs: nobody wants it."""
    first, side = echo(scene, "first"), scene.side()
    looks: list[tuple[float, bool]] = []

    def meanwhile(task: Any) -> None:
        clean(scene, first)
        began, folder = scene.clock.now, worker._keeper._kept[name_of(scene, first)].folder.name
        side.weather.hides = lambda path: path == hidden
        scene.clock.between = lambda: looks.append((scene.clock.now - began, Path(folder).exists()))

    worker = scene.worker(busy(scene, REMOTE.gone_s + 300, meanwhile), side=side)
    assert worker.step(scene.clock.now)
    echo(scene, "long")
    assert worker.step(scene.clock.now)
    assert all(there for at_s, there in looks if at_s < REMOTE.gone_s)
    assert looks[-1][0] > REMOTE.gone_s + 100
    assert looks[-1][1] == bool(hidden)


@pytest.mark.fault("stale-listing")
@pytest.mark.parametrize("blank", ["all", "jobs"])
def test_a_blank_listing_makes_no_worker_forget(scene: Scene, blank: str) -> None:
    """A job that it failed it leaves to the others for half an hour, whatever one look shows or does not (R14)."""
    handle, side = echo(scene, "first"), scene.side()
    fails = {"event": "failed", "code": "ENGINE", "message": "no", "retryable": True}
    bench = scene.bench(script=lambda task: [fails])
    worker = scene.worker(bench, side=side)
    assert worker.step(scene.clock.now)
    for hides in (lambda path: blank == "all" or path.startswith(name_of(scene, handle)), lambda path: False) * 2:
        side.weather.hides = hides
        scene.clock.now += 5
        assert not worker.step(scene.clock.now)
    assert len(bench.begun) == 1


@pytest.mark.parametrize("blank", [True, False])
def test_a_job_that_its_owner_removed_is_forgotten(scene: Scene, blank: bool) -> None:
    """After ten minutes of looks that show the drop without it; a mount point that is empty shows no drop."""
    handle, side = echo(scene, "first"), scene.side()
    worker = scene.worker(scene.bench(), side=side)
    assert worker.step(scene.clock.now)
    clean(scene, handle)
    side.weather.hides = lambda path: blank
    began = scene.clock.now
    while scene.clock.now < began + REMOTE.gone_s + 30:
        assert worker._jobs.names == {name_of(scene, handle)}
        worker.step(scene.clock.now)
        scene.clock.now += 60
    assert bool(worker._jobs.names) == blank
    assert bool(kept(worker)) == blank


def test_a_job_that_is_seen_again_was_never_gone(scene: Scene) -> None:
    """Each look that finds it begins the count anew."""
    handle, side = echo(scene, "first"), scene.side()
    worker = scene.worker(scene.bench(), side=side)
    assert worker.step(scene.clock.now)
    for hidden in (True, True, True, False) * 10:
        side.weather.hides = lambda path, hidden=hidden: hidden and path.startswith(name_of(scene, handle))
        worker.step(scene.clock.now)
        scene.clock.now += REMOTE.gone_s / 3
        assert kept(worker)
