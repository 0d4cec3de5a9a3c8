"""One process holds the models of every kind: what is done when they do not fit together."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from colab.bench import Task, _BenchWork
from colab.models import ModelPlaces, Models
from dispatcher.jobs.client import Handle
from dispatcher.jobs.job import Job
from protocol.kinds.echo import checkpoint
from tests.support.scene import Scene
from tests.support.workers import ENGINE, FakeBench

ECHO = Job(kind="echo", params={"text": "hi"})
FULL = {"event": "failed", "code": "OUT_OF_MEMORY", "message": "full", "step": None}
PUBLISHED = {"event": "publish", "path": "echo.txt"}
LOST = {"event": "failed", "code": "ENGINE", "message": "the GPU is lost"}


def left(unit: int) -> dict[str, Any]:
    return {"event": "checkpoint", "path": checkpoint(unit)}


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
    assert [each.job.code for each in scene.look(handle).errors.values()] == ["OUT_OF_MEMORY"]


def test_what_is_published_is_not_made_twice(scene: Scene) -> None:
    """An output is named once in a result: a job that has one goes on by another attempt."""
    handle = scene.client.submit(ECHO)
    bench = bench_that_is_full(scene, {"enhance"}, PUBLISHED)
    assert scene.worker(bench).step(scene.clock.now)
    assert len(bench.begun) == 1
    assert scene.look(handle).errors


def resumed(scene: Scene) -> Handle:
    """Return a job of which an earlier attempt left the first unit."""
    handle = scene.client.submit(ECHO)
    first = scene.worker(scene.bench(script=lambda task: [left(0), LOST]), name="w1", boot="1" * 16)
    assert first.step(scene.clock.now)
    return handle


def second_worker(scene: Scene, *first: Mapping[str, Any], then: list[Mapping[str, Any]]) -> FakeBench:
    """Have another worker, which holds models of other kinds, do the job; return its bench."""
    bench = bench_that_is_full(scene, {"enhance"}, *first)
    bench.script = lambda _task: [*first, FULL] if len(bench.begun) == 1 else then
    assert scene.worker(bench, name="w2", boot="2" * 16).step(scene.clock.now)
    return bench


def test_a_job_that_goes_on_is_tried_twice_too(scene: Scene) -> None:
    """What an earlier attempt left is there for the second try as it was for the first."""
    handle = resumed(scene)
    bench = second_worker(scene, then=[PUBLISHED])
    assert [set(task.kept) for task in bench.begun] == [{checkpoint(0)}] * 2
    assert len(scene.look(handle).done) == 1


def test_what_the_second_try_leaves_is_told_of(scene: Scene) -> None:
    """Each of its checkpoints is in a part, however many the first try had told of."""
    handle = resumed(scene)
    second_worker(scene, left(1), left(2), left(3), then=[left(1), LOST])
    (parts,) = [parts for attempt, parts in scene.look(handle).parts.items() if attempt.worker == "w2"]
    told = [[file.path for file in part.files] for part in parts]
    assert told[-1] == [checkpoint(0), checkpoint(1)]


def test_what_the_first_try_spoilt_is_not_kept(scene: Scene) -> None:
    """A leftover that the handler wrote over is no longer what was verified."""
    handle = resumed(scene)
    bench = scene.bench()
    bench.loaded = {"enhance"}

    def script(task: Task) -> list[Mapping[str, Any]]:
        if len(bench.begun) > 1:
            return [PUBLISHED]
        (Path(task.folder) / "out" / checkpoint(0)).write_bytes(b"spoilt")
        return [FULL]

    bench.script = script
    assert scene.worker(bench, name="w2", boot="2" * 16).step(scene.clock.now)
    assert [set(task.kept) for task in bench.begun] == [{checkpoint(0)}, set()]
    assert len(scene.look(handle).done) == 1


def test_the_second_try_finds_its_folder_as_the_first_did(scene: Scene) -> None:
    """Handlers make folders of their own in it, once; the inputs stay."""
    (scene.folder / "in.bin").write_bytes(b"0123456789")
    scene.client.submit(Job(kind="echo", params={"text": "hi"}, inputs={"in.bin": scene.folder / "in.bin"}))
    bench = scene.bench()
    bench.loaded = {"enhance"}
    found: list[set[str]] = []

    def script(task: Task) -> list[Mapping[str, Any]]:
        found.append({path.name for path in Path(task.folder).rglob("*")})
        (Path(task.folder) / "pieces").mkdir()
        (Path(task.folder) / "out" / "half.mkv").write_bytes(b"half")
        return [FULL] if len(bench.begun) == 1 else [PUBLISHED]

    bench.script = script
    assert scene.worker(bench).step(scene.clock.now)
    assert found == [{"in", "in.bin", "out"}] * 2


def test_kept_outputs_are_none_of_this_attempt(scene: Scene) -> None:
    """A narration of which another attempt spoke the first step is tried without the others' models as well."""
    steps = [{"id": "one", "narration": "One."}, {"id": "two", "narration": "Two."}]
    handle = scene.client.submit(Job(kind="tts", params={"steps": steps}))
    first = scene.speaker()
    first.script = lambda task: [{"event": "publish", "path": path} for path in first.paths(task)[:2]] + [LOST]
    assert scene.worker(first, name="w1", boot="1" * 16).step(scene.clock.now)
    bench = scene.speaker()
    bench.loaded = {"enhance"}
    rest = [{"event": "publish", "path": path} for path in sorted({*first.paths(bench_task(steps))} - {*first.made})]
    bench.script = lambda _task: [FULL] if len(bench.begun) == 1 else rest
    assert scene.worker(bench, name="w2", boot="2" * 16).step(scene.clock.now)
    assert len(bench.begun) == 2
    assert len(scene.look(handle).done) == 1


def bench_task(steps: list[dict[str, str]]) -> Task:
    return Task(kind="tts", params={"steps": steps}, engine=None, inputs={}, folder="")


def test_the_bench_hands_out_what_is_kept_twice(tmp_path: Path) -> None:
    """Both times at its place; and it takes no room a second time."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "0").write_bytes(b"done")
    record = ENGINE.model_dump(mode="json", exclude_none=True)
    kept = {checkpoint(0): {"engine": record, "local": str(tmp_path / "kept" / "0")}}
    task = {"engine": None, "folder": str(tmp_path), "inputs": {}, "kept": kept}
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        for _ in range(2):
            work = _BenchWork(theirs, Models(ModelPlaces(folder=tmp_path, offline=True)), task, None)
            assert work.begin(ENGINE) == {checkpoint(0)}
            assert work.output(checkpoint(0)).read_bytes() == b"done"
    assert work.output(checkpoint(0)).samefile(tmp_path / "kept" / "0")
