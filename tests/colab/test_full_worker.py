"""No room left: on the worker's disk, on the drop's, on both. A job ends and says why; the worker goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job
from dispatcher.runs.store import RunStore
from protocol.errors import ChannelError, StorageFull
from protocol.messages import Failure
from protocol.observation import JobReader
from protocol.transports.folder import FolderDrop
from tests.support.disks import small_disk, take_all_room, take_every_name
from tests.support.scene import Scene
from tests.support.workers import DROP_ID, Clock, FakeBench, drop_in, worker_on

ECHO = Job(kind="echo", params={"text": "hi"})
NEXT = Job(kind="echo", params={"text": "the next one"})
KIB = 1024


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The disk that the worker works on: 64 KiB."""
    with small_disk(tmp_path / "small", 64) as at:
        monkeypatch.setattr(tempfile, "tempdir", str(at))
        yield at


def failure(scene: Scene, handle: Handle) -> Failure:
    """Return the one error marker of a job."""
    (found,) = scene.look(handle).errors.values()
    return found


def making(scene: Scene, *sizes: int) -> FakeBench:
    """Return a bench that makes outputs of these sizes, `echo.txt` and more."""
    names = ["echo.txt", *(f"more-{number}" for number in range(1, len(sizes)))]
    contents = {name: bytes(size) for name, size in zip(names, sizes, strict=True)}
    return scene.bench(paths=lambda task: list(contents), makes=lambda path: contents[path])


@pytest.mark.parametrize("sizes", [(40 * KIB,), (16 * KIB, 16 * KIB, 16 * KIB)], ids=["one", "three"])
def test_outputs_that_have_no_room_twice_are_published(scene: Scene, disk: Path, sizes: tuple[int, ...]) -> None:
    """What travels needs no second copy on the worker's disk, be it one file or several in one."""
    handle = scene.client.submit(ECHO)
    assert scene.worker(making(scene, *sizes)).step(scene.clock.now)
    (done,) = scene.look(handle).done.values()
    assert [file.size for file in done.job.files] == list(sizes)


def test_a_large_output_travels_by_itself(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film is not put together with its thumbnail into one more file of that size."""
    monkeypatch.setattr("colab.publish.BUNDLE_BYTES", 10 * KIB)
    handle = scene.client.submit(ECHO)
    assert scene.worker(making(scene, KIB, 40 * KIB, KIB)).step(scene.clock.now)
    (done,) = scene.look(handle).done.values()
    alone = {file.path: file.at is None for file in done.job.files}
    assert alone == {"echo.txt": False, "more-1": True, "more-2": False}


def test_no_room_to_begin_ends_the_job_and_not_the_worker(scene: Scene, disk: Path) -> None:
    """The marker says what is full and what to do; with room again the same worker does the next job."""
    handle = scene.client.submit(ECHO)
    worker = scene.worker(scene.bench())
    full = take_every_name(disk)
    assert worker.step(scene.clock.now)
    marker = failure(scene, handle)
    assert (marker.job.code, marker.job.retryable) == ("STORAGE", True)
    assert str(disk) in marker.plain.error
    assert "TMPDIR" in marker.plain.error
    for name in full:
        name.unlink()
    after = scene.client.submit(NEXT)
    assert worker.step(scene.clock.now)
    assert scene.look(after).done


def test_an_input_that_has_no_room_is_not_missing(scene: Scene, disk: Path) -> None:
    """It lies whole in the drop: whose disk is full is said, and that the job may be done elsewhere."""
    (scene.folder / "in.bin").write_bytes(bytes(100 * KIB))
    handle = scene.client.submit(dataclasses.replace(ECHO, inputs={"in.bin": scene.folder / "in.bin"}))
    bench = scene.bench()
    assert scene.worker(bench).step(scene.clock.now)
    marker = failure(scene, handle)
    assert marker.job.code == "STORAGE"
    assert "in.bin" in marker.plain.error
    assert "TMPDIR" in marker.plain.error
    assert not bench.begun


def test_a_disk_that_breaks_meanwhile_is_no_missing_input_either(scene: Scene, disk: Path) -> None:
    """What cannot be written for another reason than room ends the job with it too, and not the worker."""
    (scene.folder / "in.bin").write_bytes(b"0123456789")
    handle = scene.client.submit(dataclasses.replace(ECHO, inputs={"in.bin": scene.folder / "in.bin"}))
    side = scene.side()

    def vanish(operation: str, path: str) -> ChannelError | None:
        if operation == "copy_out":
            for folder in disk.glob("*/in"):
                folder.rmdir()
                folder.write_text("no folder any more")
        return None

    side.weather.fails = vanish
    assert scene.worker(scene.bench(), side=side).step(scene.clock.now)
    marker = failure(scene, handle)
    assert marker.job.code == "STORAGE"
    assert "in.bin" in marker.plain.error


def test_an_output_that_is_not_there_ends_the_job(scene: Scene) -> None:
    """A handler's mistake is told as one, and the worker goes on."""
    handle = scene.client.submit(ECHO)
    bench = scene.bench(script=lambda task: [{"event": "publish", "path": "nothing.txt"}])
    bench._place = lambda task, path, data: None  # type: ignore[method-assign]
    assert scene.worker(bench).step(scene.clock.now)
    marker = failure(scene, handle)
    assert marker.job.code == "INTERNAL"
    assert "nothing.txt" in marker.plain.error


def test_what_is_finished_does_not_keep_the_marker_back(scene: Scene) -> None:
    """The drop takes no output any more: that is said all the same, without the log if need be."""
    handle = scene.client.submit(ECHO)
    side = scene.side()
    side.weather.fails = lambda operation, path: StorageFull(path) if ".out-" in path or ".log" in path else None
    fails = {"event": "failed", "code": "ENGINE", "message": "it broke"}
    bench = scene.bench(script=lambda task: [{"event": "publish", "path": "echo.txt"}, fails])
    assert scene.worker(bench, side=side).step(scene.clock.now)
    marker = failure(scene, handle)
    assert (marker.job.code, marker.plain.error) == ("ENGINE", "it broke")


def test_a_log_that_has_no_room_costs_no_result(scene: Scene) -> None:
    """Nobody checks a log."""
    handle = scene.client.submit(ECHO)
    side = scene.side()
    side.weather.fails = lambda operation, path: StorageFull(path) if ".log" in path else None
    assert scene.worker(scene.bench(), side=side).step(scene.clock.now)
    assert scene.look(handle).done


def test_a_marker_that_has_no_room_is_written_later(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """The drop takes nothing of a job: the worker says so, does the others, and tells why as soon as there is room."""
    handle, other = scene.client.submit(ECHO), scene.client.submit(NEXT)
    side, full = scene.side(), True
    job = scene.runs.get(handle.run).job

    def room(operation: str, path: str) -> ChannelError | None:
        writes = operation in ("put", "copy_in") and path.startswith(job) and ".claim" not in path
        return StorageFull(f"no room to write {path}") if full and writes else None

    side.weather.fails = room
    worker = scene.worker(scene.bench(), side=side)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            worker.step(scene.clock.now)
            scene.clock.now += 5
    assert scene.look(other).done
    assert not scene.look(handle).errors
    assert len([record for record in caplog.records if "trying again" in record.message]) == 2  # when it ended, later
    full = False
    worker.step(scene.clock.now)
    marker = failure(scene, handle)
    assert marker.job.code == "STORAGE"
    assert "no room to write" in marker.plain.error


def test_a_real_drop_that_is_full(tmp_path: Path) -> None:
    """The drop's own disk has not one page left: the worker goes on, and writes the marker where there is room again.

    The claim was still written: what fills the disk comes while the job is worked on.
    """
    with small_disk(tmp_path / "small", 256) as disk:
        drop, clock = drop_in(FolderDrop(disk)), Clock()
        with contextlib.closing(RunStore.open(f"sqlite:///{tmp_path / 'runs.sqlite3'}")) as runs:
            owner = Client(drop, store=runs, results=tmp_path / "results", host=clock.host())
            job = runs.get(owner.submit(ECHO).run).job
            bench = FakeBench(clock, makes=lambda path: take_all_room(disk))
            worker = worker_on(drop, clock, bench)
            assert worker.step(clock.now)
            reader = JobReader(drop, DROP_ID, job)
            assert not reader.look().errors
            assert not worker.step(clock.now)
            (disk / "ballast").unlink()
            worker.step(clock.now)
            (marker,) = reader.look().errors.values()
            worker.end()
    assert marker.job.code == "STORAGE"
    assert "Free some space" in marker.plain.error


def test_whether_others_may_try_is_a_matter_of_the_code(scene: Scene) -> None:
    """The marker says it, whatever the handler meant."""
    told: dict[str, bool] = {}
    for number, code in enumerate(("BAD_REQUEST", "ENGINE", "STORAGE", "UNSUPPORTED")):
        handle = scene.client.submit(Job(kind="echo", params={"text": code}))
        failed = {"event": "failed", "code": code, "message": "no", "step": None}
        worker = scene.worker(scene.bench(script=lambda task, failed=failed: [failed]), boot=f"{number}" * 16)
        assert worker.step(scene.clock.now)
        marker = failure(scene, handle).job
        told[code] = marker.retryable
    assert told == {"BAD_REQUEST": False, "ENGINE": True, "STORAGE": True, "UNSUPPORTED": True}


def test_a_kept_result_that_cannot_be_read_is_no_end(scene: Scene, disk: Path) -> None:
    """Asked for outputs once more that are gone from its disk, the worker goes on with the other jobs."""
    handle = scene.client.submit(ECHO)
    side = scene.side()
    side.weather.hides = lambda path: False
    worker = scene.worker(scene.bench(), side=side)
    scene.owner.weather.hides = lambda path: ".out-" in path  # its outputs never arrive
    assert worker.step(scene.clock.now)
    for left in disk.glob("*/out/echo.txt"):
        left.unlink()
    for _ in range(200):
        assert scene.step(handle, 5) is None
        if scene.look(handle).needs:
            break
    assert scene.look(handle).needs
    after = scene.client.submit(NEXT)
    worker.step(scene.clock.now)
    assert scene.look(after).done


def test_one_full_disk_for_everything(scene: Scene, disk: Path) -> None:
    """The scratch folder fills it and is let go: then there is room for the marker, on the same disk."""
    handle = scene.client.submit(ECHO)
    side = scene.side()

    def room(operation: str, path: str) -> ChannelError | None:
        taken = operation in ("put", "copy_in") and any(disk.glob("*/out/echo.txt"))
        return StorageFull(f"no room to write {path}") if taken and ".claim" not in path else None

    side.weather.fails = room
    worker = scene.worker(making(scene, 60 * KIB), side=side)
    worker.step(scene.clock.now)
    worker.step(scene.clock.now)
    marker = failure(scene, handle)
    assert marker.job.code == "STORAGE"
