"""Rows of the fault matrix that need both sides: production workers and an owner, scripted weather and time."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job, Result, Why
from dispatcher.runs.store import RunStore
from protocol.drop import REMOTE
from protocol.errors import ChannelError, ChannelLost, JobFailed, StorageFull
from protocol.states import State
from tests.support.scene import Scene
from tests.support.workers import whole

LEASE_S = 240
ECHO = Job(kind="echo", params={"text": "hi"})
OTHER = Job(kind="echo", params={"text": "another"})


def content(result: Result | None) -> bytes:
    """Return what was handed over."""
    assert result is not None
    return result.files["echo.txt"].read_bytes()


@pytest.mark.fault("request-before-inputs")
def test_a_request_before_its_inputs_is_not_taken_yet(scene: Scene) -> None:
    """While an input is missing or half there no claim is made; the worker takes the job once it is whole."""
    (scene.folder / "in.bin").write_bytes(b"0123456789")
    handle = scene.client.submit(dataclasses.replace(ECHO, inputs={"in.bin": scene.folder / "in.bin"}))
    side, bench = scene.side(), scene.bench()
    worker = scene.worker(bench, side=side)
    side.weather.hides = lambda path: "/in-" in path
    assert not worker.step(scene.clock.now)
    side.weather.hides = lambda path: False
    side.weather.shows = lambda path, data: data[:5] if "/in-" in path else data
    assert not worker.step(scene.clock.now)
    assert not scene.look(handle).claims
    side.weather.shows = lambda path, data: data
    assert worker.step(scene.clock.now)
    assert content(scene.step(handle)) == whole("echo.txt")
    assert len(bench.begun) == 1


@pytest.mark.fault("stale-listing")
def test_a_stale_or_empty_listing_only_costs_time(scene: Scene) -> None:
    """An owner that sees an old or empty folder for minutes waits, cancels nothing, and takes the result later."""
    handle = scene.client.submit(ECHO)
    assert scene.step(handle) is None
    before = set(scene.store.files)
    assert scene.worker(scene.bench()).step(scene.clock.now)
    scene.owner.weather.hides = lambda path: path not in before and "." in path  # as listed minutes ago
    for _ in range(20):
        assert scene.step(handle, 10) is None
    job = scene.runs.get(handle.run).job
    scene.owner.weather.hides = lambda path: path.startswith(job)  # empty, while the drop itself answers
    for after in (1, 1, REMOTE.gone_s / 2):
        assert scene.step(handle, after) is None
    assert scene.progress.why is Why.FOLDER_GONE
    scene.owner.weather.hides = lambda path: False
    assert content(scene.step(handle)) == whole("echo.txt")
    assert scene.runs.get(handle.run).status == "completed"


@pytest.mark.fault("stale-listing")
def test_a_worker_with_a_stale_listing_wastes_work_and_harms_nothing(scene: Scene) -> None:
    """A worker that cannot see that the job is done does it again: the accepted result stays."""
    handle = scene.client.submit(ECHO)
    before = set(scene.store.files)
    assert scene.worker(scene.bench(), name="w1", boot="1" * 16).step(scene.clock.now)
    assert content(scene.step(handle)) == whole("echo.txt")
    first = scene.runs.get(handle.run)
    late = scene.side()
    late.weather.hides = lambda path: (path not in before and "w1" in path) or "accepted" in path
    scene.worker(scene.bench(makes=lambda path: b"otherwise"), side=late, name="w2", boot="2" * 16).step(
        scene.clock.now
    )
    assert len(scene.look(handle).done) == 2
    assert content(scene.step(handle)) == whole("echo.txt")
    assert scene.runs.get(handle.run) == first


@pytest.mark.fault("both-workers-win")
@pytest.mark.parametrize("broken", [False, True], ids=["both whole", "the first is torn"])
def test_both_workers_win_one_attempt(scene: Scene, broken: bool) -> None:
    """Neither sees the other's claim: both run attempt 1, and the one that verifies first is taken, once."""
    handle = scene.client.submit(ECHO)
    for name in ("w1", "w2"):
        side = scene.side()
        side.weather.hides = lambda path, name=name: (".claim" in path and f"-{name}" not in path) or ".marker" in path
        if broken and name == "w1":
            side.weather.keeps = lambda path, data: data[:1] if ".out-" in path else data
        bench = scene.bench(makes=lambda path, name=name: name.encode())
        assert scene.worker(bench, side=side, name=name, boot=name[-1] * 16).step(scene.clock.now)
        assert len(bench.begun) == 1
    seen = scene.look(handle)
    assert [attempt.n for attempt in seen.claims] == [1, 1]
    taken = settle(scene, handle)
    assert taken in ({b"w2"} if broken else {b"w1", b"w2"})
    assert content(scene.client.submit(ECHO).wait(0)) == taken


def settle(scene: Scene, handle: Handle) -> bytes:
    """Look until there is a result, for as long as an owner is patient."""
    for _ in range(200):
        if (result := scene.step(handle, 5)) is not None:
            return content(result)
    raise AssertionError(scene.progress)


def delivered_unseen(scene: Scene, handle: Handle) -> list[str]:
    """Let a worker finish, nothing of its results reaching the owner or its successor; return what is on its way."""
    before = set(scene.store.files)
    assert scene.worker(scene.bench(makes=lambda _: b"late"), name="w1", boot="1" * 16).step(scene.clock.now)
    return [path for path in scene.store.files if path not in before and "/try-" in path and ".claim" not in path]


def successor(scene: Scene, hidden: list[str]) -> bytes:
    """Let a second worker watch the silent claim for a lease, take over, and deliver."""
    side, bench = scene.side(), scene.bench(makes=lambda _: b"in time")
    side.weather.hides = lambda path: path in hidden
    worker = scene.worker(bench, side=side, name="w2", boot="2" * 16)
    for _ in range(LEASE_S // 5 + 8):
        if worker.step(scene.clock.now):
            return b"in time"
        scene.clock.now += 5
    raise AssertionError("nobody took the job over")


@pytest.mark.fault("late-files")
def test_late_files_of_a_dead_worker_are_ignored(scene: Scene) -> None:
    """Its successor's result was accepted; what arrives afterwards changes nothing."""
    handle = scene.client.submit(ECHO)
    hidden = delivered_unseen(scene, handle)
    scene.owner.weather.hides = lambda path: path in hidden
    made = successor(scene, hidden)
    assert content(scene.step(handle)) == made
    accepted = scene.runs.get(handle.run)
    scene.owner.weather.hides = lambda path: False
    assert content(scene.step(handle, 60)) == made
    assert content(scene.client.submit(ECHO).wait(0)) == made
    assert scene.runs.get(handle.run) == accepted


@pytest.mark.fault("late-files")
def test_late_files_that_verify_first_are_accepted(scene: Scene) -> None:
    """They arrive while a successor is at work: the result is taken, and the successor stops for it."""
    handle = scene.client.submit(ECHO)
    hidden = delivered_unseen(scene, handle)
    scene.owner.weather.hides = lambda path: path in hidden

    def arrive() -> None:
        scene.clock.between = lambda: None
        scene.owner.weather.hides = lambda path: False
        assert content(scene.step(handle)) == b"late"

    def script(task: Any) -> list[dict[str, Any]]:
        scene.clock.between = arrive
        return [{"event": "wait", "seconds": 10}, {"event": "wait", "seconds": 10}]

    side, bench = scene.side(), scene.bench(script=script)
    side.weather.hides = lambda path: path in hidden
    worker = scene.worker(bench, side=side, name="w2", boot="2" * 16)
    for _ in range(LEASE_S // 5 + 8):
        worker.step(scene.clock.now)
        scene.clock.now += 5
    assert len(bench.begun) == 1
    ends = [failure.job.code for failure in scene.look(handle).errors.values()]
    assert ends == ["CANCELLED"]
    assert content(scene.step(handle)) == b"late"


@pytest.mark.fault("worker-paused")
def test_a_worker_paused_for_ten_minutes_does_no_harm(scene: Scene) -> None:
    """Its lease lapses and another worker's result is accepted; resumed, it sees that and stops."""
    handle = scene.client.submit(ECHO)

    def meanwhile() -> None:
        scene.clock.between = lambda: None
        began = scene.clock.now
        assert successor(scene, []) == content(scene.step(handle))
        scene.clock.now = max(scene.clock.now, began + 600)

    def script(task: Any) -> list[dict[str, Any]]:
        scene.clock.between = meanwhile
        return [{"event": "wait", "seconds": 6}, {"event": "publish", "path": "echo.txt"}]

    paused = scene.bench(script=script, makes=lambda _: b"stale")
    assert scene.worker(paused, name="w1", boot="1" * 16).step(scene.clock.now)
    codes = {a.worker: f.job.code for a, f in scene.look(handle).errors.items() if f.job}
    assert codes == {"w1": "CANCELLED"}
    assert content(scene.step(handle)) == b"in time"


@pytest.mark.fault("broken-worker")
def test_a_broken_worker_leaves_the_jobs_to_the_others(scene: Scene) -> None:
    """It fails three jobs at once and then rests; the other worker finishes every one of them."""
    jobs = [Job(kind="echo", params={"text": f"job {n}"}) for n in range(5)]
    handles = [scene.client.submit(job) for job in jobs]
    fails = {"event": "failed", "code": "ENGINE", "message": "no CUDA"}
    bad, good = scene.bench(script=lambda task: [fails]), scene.bench()
    broken = scene.worker(bad, name="bad", boot="1" * 16)
    whole_one = scene.worker(good, name="good", boot="2" * 16)
    while broken.step(scene.clock.now):
        pass
    assert len(bad.begun) == 3
    assert [scene.step(handle) for handle in handles] == [None] * 5
    while whole_one.step(scene.clock.now):
        pass
    assert [content(scene.step(handle)) for handle in handles] == [whole("echo.txt")] * 5


class Deadly:
    """A bench at which one job ends the whole process."""

    def __init__(self, inner: Any, text: str) -> None:
        self._inner, self._text = inner, text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def begin(self, task: Any) -> None:
        if task.params["text"] == self._text:
            raise SystemExit("killed by the kernel")
        self._inner.begin(task)


@pytest.mark.fault("job-kills-workers")
def test_a_job_that_kills_every_worker_is_dead_and_the_others_go_on(scene: Scene) -> None:
    """Each session that takes it is gone; after its attempts the job fails with the reason, the other is done."""
    deadly, harmless = scene.client.submit(ECHO), scene.client.submit(OTHER)
    killed, ended, done = 0, None, None
    worker = None
    for _ in range(60 * LEASE_S // 5):
        worker = worker or scene.worker(Deadly(scene.bench(), "hi"), name="w", boot=f"{killed + 1:016x}")
        try:
            worker.step(scene.clock.now)
        except SystemExit:
            killed, worker = killed + 1, None
        done = done or scene.step(harmless, 0)
        try:
            scene.step(deadly, 5)
        except JobFailed as error:
            ended = error
            break
    assert ended is not None, scene.progress
    assert ended.code == "TIMEOUT"
    assert "no heartbeat" in str(ended)
    assert killed <= ECHO.attempts + 2 + REMOTE.dead_wait_s // LEASE_S  # it may still be taken while its end is awaited
    assert content(done) == whole("echo.txt")


@pytest.mark.fault("remote-down")
def test_a_barrier_that_does_not_open_keeps_the_marker_back(scene: Scene) -> None:
    """Every write says OK and none arrives: no marker is written until the uploads are through."""
    handle = scene.client.submit(ECHO)
    side, started = scene.side(), scene.clock.now
    looks: list[int] = []

    def down(operation: str, path: str) -> ChannelError | None:
        if operation == "barrier":
            looks.append(len(scene.look(handle).done))
        return ChannelLost("uploads wait") if operation == "barrier" and scene.clock.now < started + 900 else None

    side.weather.fails = down
    assert scene.worker(scene.bench(), side=side).step(scene.clock.now)
    assert scene.clock.now >= started + 900
    assert len(looks) > 10
    assert set(looks) == {0}
    assert len(scene.look(handle).done) == 1
    assert content(scene.step(handle)) == whole("echo.txt")


@pytest.mark.fault("cache-disk-full")
def test_a_full_disk_is_said_at_once_and_another_worker_goes_on(scene: Scene) -> None:
    """No room for the outputs: STORAGE without a second's wait, and the job is another worker's."""
    handle = scene.client.submit(ECHO)
    side, before = scene.side(), scene.clock.now
    side.weather.fails = lambda operation, path: StorageFull(path) if ".out-" in path else None
    full = scene.worker(scene.bench(), side=side, name="full", boot="1" * 16)
    roomy = scene.worker(scene.bench(), name="roomy", boot="2" * 16)
    assert full.step(scene.clock.now)
    assert scene.clock.now - before <= 10 + 1  # settling, and nothing else
    (failure,) = scene.look(handle).errors.values()
    assert (failure.job.code, failure.job.retryable) == ("STORAGE", True)
    assert scene.step(handle) is None
    assert roomy.step(scene.clock.now)
    assert content(scene.step(handle)) == whole("echo.txt")


@pytest.mark.fault("403-429-5xx")
@pytest.mark.parametrize("answer", ["403 rate limit exceeded", "429 too many requests", "503 backend error"])
def test_a_busy_remote_is_asked_ever_more_seldom(scene: Scene, answer: str) -> None:
    """The waits double up to half a minute; when the remote answers again, the work goes on where it was."""
    handle = scene.client.submit(ECHO)
    side, tries = scene.side(), []

    def busy(operation: str, path: str) -> ChannelError | None:
        if ".out-" not in path or len(tries) == 9:
            return None
        tries.append(scene.clock.now)
        return ChannelError(answer)

    side.weather.fails = busy
    bench = scene.bench()
    assert scene.worker(bench, side=side).step(scene.clock.now)
    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert len(bench.begun) == 1
    assert content(scene.step(handle)) == whole("echo.txt")


@pytest.mark.fault("403-although-created")
def test_what_was_created_although_refused_is_created_once(scene: Scene) -> None:
    """Each first write of either side is answered 403 and done: one job, one claim, one marker, one acceptance."""
    answered: set[str] = set()

    def created(operation: str, path: str) -> ChannelError | None:
        role = next((role for role in ("request", "claim", "out-", "done", "accepted") if role in path), path)
        if operation not in ("put", "copy_in") or role in answered:
            return None
        answered.add(role)
        return ChannelError("403")

    side, bench = scene.side(), scene.bench()
    worker = scene.worker(bench, side=side)
    scene.owner.weather.loses = side.weather.loses = created
    handle = scene.client.submit(ECHO)
    scene.client.upload(scene.runs.get(handle.run), ECHO)
    result = None
    for _ in range(20):
        worker._safe_step()
        result = scene.step(handle, 5)
    assert content(result) == whole("echo.txt")
    assert answered >= {"request", "claim", "out-", "done", "accepted"}
    assert (len(bench.begun), len(scene.look(handle).done)) == (1, 1)
    assert scene.runs.unsaid(handle.run) == []
    for once in ("/request.json", "/accepted-"):
        assert sum(once in path for path in scene.store.files) == 1


@pytest.mark.fault("errno-107-5-hang")
@pytest.mark.parametrize("what", ["errno 107", "errno 5"])
def test_a_channel_that_gives_errors_for_minutes_recovers(scene: Scene, what: str) -> None:
    """Both sides meet I/O errors at every operation for five minutes, in the middle of work; nothing is lost."""
    handle = scene.client.submit(ECHO)
    side, heals = scene.side(), scene.clock.now + 300
    kind = ChannelLost if what == "errno 107" else ChannelError

    def script(task: Any) -> list[dict[str, Any]]:
        for view in (side, scene.owner):
            view.weather.fails = lambda operation, path: kind(what) if scene.clock.now < heals else None
        assert scene.step(handle) is None
        assert scene.progress.state is State.CHANNEL_LOST
        return [{"event": "wait", "seconds": 6}, {"event": "publish", "path": "echo.txt"}]

    bench = scene.bench(script=script)
    assert scene.worker(bench, side=side).step(scene.clock.now)
    assert heals <= scene.clock.now <= heals + 60
    assert content(scene.step(handle)) == whole("echo.txt")
    assert len(scene.look(handle).claims) == 1


@pytest.mark.fault("database-lost")
@pytest.mark.parametrize("decision", ["accepted", "cancelled"])
def test_after_a_lost_database_workers_honour_what_was_mirrored(scene: Scene, tmp_path: Path, decision: str) -> None:
    """Nobody works at a job whose end lies in the drop; the same submission is a new job, and its result is right."""
    handle = scene.client.submit(ECHO)
    if decision == "accepted":
        assert scene.worker(scene.bench(), name="w1", boot="1" * 16).step(scene.clock.now)
        assert content(scene.step(handle)) == whole("echo.txt")
    else:
        assert handle.cancel()
    bench = scene.bench()
    worker = scene.worker(bench, name="w2", boot="2" * 16)
    with RunStore.open(tmp_path / "new.sqlite3") as fresh:
        anew = Client(scene.side(), store=fresh, results=tmp_path / "results", host=scene.clock.host())
        assert not worker.step(scene.clock.now)
        again = anew.submit(ECHO)
        assert fresh.get(again.run).job != scene.runs.get(handle.run).job
        assert worker.step(scene.clock.now)
        assert content(again.wait(0)) == whole("echo.txt")
        assert not worker.step(scene.clock.now + 10 * LEASE_S)
    assert len(bench.begun) == 1
