"""Several workers on one slow drop: claims, leases, salvage, publishing again, yielding, draining. Time is scripted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colab.ending import DRAINED
from dispatcher.jobs.client import Handle
from dispatcher.jobs.job import Job, Why
from protocol import codec
from protocol.drop import REMOTE
from protocol.errors import ChannelError
from protocol.kinds import tts
from protocol.layout import Attempt, WorkerNames
from protocol.messages import ClaimTerms, Drain, EngineRecord, Held
from protocol.transports.weather import times
from tests.support.faulty import Killed
from tests.support.scene import SLOW, Scene
from tests.support.workers import DROP_ID, ENGINE, FakeBench, whole

LEASE_S = 240
ECHO = Job(kind="echo", params={"text": "hi"})
STEPS = ("one", "two", "three")
SPEECH = Job(kind="tts", params={"steps": [{"id": step, "narration": step} for step in STEPS]})
OTHER = ENGINE.model_copy(update={"voice": "another"})


def test_the_lowest_nonce_wins_and_the_loser_releases_at_once(scene: Scene) -> None:
    """A rival's claim that becomes visible while settling ends the own one, so that nobody waits for its lease."""
    handle, bench = scene.client.submit(ECHO), scene.bench()
    scene.clock.between = lambda: (
        None
        if scene.look(handle).claims.keys() > {1} or len(scene.look(handle).claims) > 1
        else scene.claim(handle, "0" * 16)
    )
    assert not scene.worker(bench).step(scene.clock.now)
    assert not bench.begun
    released = scene.look(handle).errors
    assert [(a.worker, f.job.code) for a, f in released.items()] == [("w", "RELEASED")]


def test_a_higher_nonce_is_no_reason_to_stop(scene: Scene) -> None:
    """Of two claims that see each other exactly one goes on: here the own one."""
    handle, bench = scene.client.submit(ECHO), scene.bench()
    scene.clock.between = lambda: None if len(scene.look(handle).claims) > 1 else scene.claim(handle, "f" * 16) and None
    assert scene.worker(bench).step(scene.clock.now)
    assert len(bench.begun) == 1


def test_settling_waits_as_long_as_the_request_says(scene: Scene) -> None:
    """A claimant on a slow drop waits settle_s before it works; a single worker or the preferred one does not."""
    for terms, waits in (
        (ClaimTerms(settle_s=10), 10),
        (ClaimTerms(mode="single"), 0),
        (ClaimTerms(mode="prefer", prefer="w"), 0),
    ):
        scene.client.terms = terms
        scene.client.submit(Job(kind="echo", params={"text": str(terms)}))
        before = scene.clock.now
        assert scene.worker(scene.bench(), boot=f"{waits + len(terms.mode):016x}").step(before)
        assert scene.clock.now - before == waits


def test_the_others_leave_a_job_to_the_preferred_worker_for_its_grace(scene: Scene) -> None:
    """A worker that is not preferred takes the job only after the grace."""
    scene.client.terms = ClaimTerms(mode="prefer", prefer="best", grace_s=100)
    scene.client.submit(ECHO)
    bench = scene.bench()
    worker = scene.worker(bench)
    assert not worker.step(scene.clock.now)
    scene.clock.now += 99
    assert not worker.step(scene.clock.now)
    scene.clock.now += 2
    assert worker.step(scene.clock.now)


def test_a_claim_without_a_sign_of_life_lapses_and_the_next_attempt_follows(scene: Scene) -> None:
    """The lease counts from the first sight of the claim, on the observer's own clock."""
    handle, bench = scene.client.submit(ECHO), scene.bench()
    scene.claim(handle, "1" * 16)
    worker = scene.worker(bench)
    for _ in range(LEASE_S // 5):
        assert not worker.step(scene.clock.now)
        scene.clock.now += 5
    scene.clock.now += SLOW.beat_s
    assert worker.step(scene.clock.now)
    assert sorted(a.n for a in scene.look(handle).claims) == [1, 2]


def test_outputs_of_a_dead_attempt_are_kept_by_the_next(scene: Scene) -> None:
    """What was published and verifies is not made again by an equal engine; the manifest says where it is from."""
    handle = scene.client.submit(SPEECH)
    dead = interrupted(scene, handle)
    scene.clock.now += LEASE_S + 10
    second = scene.speaker()
    take_over(scene, second, "w2")
    assert second.made == [tts.wav_path("three"), tts.words_path("three")]
    result = scene.step(handle)
    assert result is not None
    assert {path: file.read_bytes() for path, file in result.files.items()} == {
        path: second.makes(path) for path in result.files
    }
    done = next(iter(scene.look(handle).done.values())).job
    assert done is not None
    assert {file.path for file in done.files if file.from_ == dead.nonce} == {
        path for step in STEPS[:2] for path in (tts.wav_path(step), tts.words_path(step))
    }


def test_outputs_of_another_voice_are_made_again(scene: Scene) -> None:
    """A result is never a mix of voices."""
    handle = scene.client.submit(SPEECH)
    interrupted(scene, handle, engine=OTHER)
    scene.clock.now += LEASE_S + 10
    second = scene.speaker()
    take_over(scene, second, "w2")
    assert len(second.made) == 2 * len(STEPS)
    assert scene.step(handle) is not None


def test_the_owner_refuses_a_mix_of_voices(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that keeps outputs of another engine is rejected, whatever their hashes say."""
    handle = scene.client.submit(SPEECH)
    interrupted(scene, handle, engine=OTHER)
    scene.clock.now += LEASE_S + 10
    second = scene.speaker()
    monkeypatch.setattr(EngineRecord, "is_equal", lambda self, other: True)
    take_over(scene, second, "w2")
    monkeypatch.undo()
    assert scene.step(handle) is None
    assert scene.progress.why is Why.RESULTS_REJECTED
    assert "another" in scene.progress.text


def interrupted(scene: Scene, handle: Handle, engine: EngineRecord = ENGINE) -> Attempt:
    """Let a worker publish the first two steps and die in the middle of the third."""

    def script(task: Any) -> list[dict[str, Any]]:
        paths = [path for step in STEPS[:2] for path in (tts.wav_path(step), tts.words_path(step))]
        return [
            *({"event": "publish", "path": path} for path in paths),
            {"event": "wait", "seconds": 100},
            {"event": "die"},
        ]

    bench = scene.speaker(script=script, engine=engine)
    worker = scene.worker(Dying(bench), name="w1", boot="1" * 16)
    with pytest.raises(Killed):
        worker.step(scene.clock.now)
    seen = scene.look(handle)
    assert [len(part.files) for parts in seen.parts.values() for part in parts] == [4]
    return next(iter(seen.claims))


class Dying:
    """A bench at which the worker dies: everything passes, but the event `die` ends the process."""

    def __init__(self, inner: FakeBench) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def event(self, timeout_s: float) -> Any:
        event = self._inner.event(timeout_s)
        if event is not None and event["event"] == "die":
            raise Killed
        return event


def take_over(scene: Scene, bench: FakeBench, name: str) -> None:
    """Let another worker watch the dead claim for a lease, and then take the job."""
    worker = scene.worker(bench, name=name, boot=f"{len(name):016x}")
    for _ in range(LEASE_S // 5 + 8):
        if worker.step(scene.clock.now):
            return
        scene.clock.now += 5
    raise AssertionError("nobody took the job over")


def test_what_never_arrives_is_published_again_when_it_is_missed(scene: Scene) -> None:
    """A lost upload costs a `need` and a second copy, not the work."""
    handle, bench = scene.client.submit(ECHO), scene.bench()
    scene.owner.weather.hides = lambda path: path.endswith(".out-1")  # never uploaded: the owner will not see it
    worker = scene.worker(bench)
    assert worker.step(scene.clock.now)
    assert scene.step(handle) is None
    assert scene.step(handle, REMOTE.need_s[0]) is None
    assert [need.missing for need in scene.look(handle).needs] == [("echo.txt",)]
    assert not worker.step(scene.clock.now)
    result = scene.step(handle)
    assert result is not None
    assert result.files["echo.txt"].read_bytes() == whole("echo.txt")
    assert len(bench.begun) == 1


def test_a_result_is_kept_until_it_is_accepted(scene: Scene) -> None:
    """Once the owner has it, the worker's copy goes."""
    handle = scene.client.submit(ECHO)
    worker = scene.worker(scene.bench())
    assert worker.step(scene.clock.now)
    kept = worker._keeper._kept[scene.runs.get(handle.run).job].folder.name
    assert Path(kept).is_dir()
    assert scene.step(handle) is not None
    worker.step(scene.clock.now)
    assert not Path(kept).exists()


def test_a_worker_yields_to_a_live_rival_that_is_further(scene: Scene) -> None:
    """Both work at one job because neither saw the other's claim; the one behind gives way, and says so."""
    handle = scene.client.submit(SPEECH)
    job = scene.runs.get(handle.run).job

    def script(task: Any) -> list[dict[str, Any]]:
        rival = scene.claim(handle, "1" * 16)
        scene.beat("rival", 7, Held(job=job, nonce=rival.nonce, done=5, total=9))
        progress = {"event": "progress", "done": 4, "total": 9, "note": ""}
        return [progress, {"event": "wait", "seconds": 6}, {"event": "wait", "seconds": 6}]

    bench = scene.speaker(script=script)
    assert scene.worker(bench).step(scene.clock.now)
    (failure,) = scene.look(handle).errors.values()
    assert failure.job.code == "RELEASED"
    assert "rival is ahead" in failure.plain.error


def test_a_rival_behind_is_no_reason_to_yield(scene: Scene) -> None:
    """A higher attempt alone means nothing."""
    handle = scene.client.submit(SPEECH)
    job = scene.runs.get(handle.run).job

    def script(task: Any) -> list[dict[str, Any]]:
        rival = scene.claim(handle, "1" * 16, n=2)
        scene.beat("rival", 7, Held(job=job, nonce=rival.nonce, done=3, total=9))
        outputs = [{"event": "publish", "path": path} for path in tts.outputs(tts.Params(**task.params))]
        return [{"event": "progress", "done": 4, "total": 9, "note": ""}, {"event": "wait", "seconds": 6}, *outputs]

    scene.worker(scene.speaker(script=script)).step(scene.clock.now)
    assert scene.step(handle) is not None


def test_a_drained_worker_ends_after_its_job_and_old_requests_do_not_count(scene: Scene) -> None:
    """`drain-<k>` ends this session only: one that lies there from before is for a session that is over."""
    names = WorkerNames("w")
    scene.side().make_folder(names.folder)
    scene.side().put(names.drain(1), codec.encode(Drain(drop=DROP_ID, id="w", k=1)))
    scene.client.submit(ECHO)
    worker = scene.worker(scene.bench())
    assert worker.step(scene.clock.now)
    scene.side().put(names.drain(2), codec.encode(Drain(drop=DROP_ID, id="w", k=2)))
    scene.client.submit(Job(kind="echo", params={"text": "another"}))
    scene.clock.now += SLOW.beat_s + 1
    assert not worker.step(scene.clock.now)
    assert worker._ending is DRAINED


def test_an_error_of_the_channel_costs_no_work(scene: Scene) -> None:
    """Looks and writes that fail for a while are tried again; the attempt goes on and its result arrives."""
    side, bench = scene.side(), scene.bench()
    for operation in ("copy_in", "put", "list"):
        bench.script = lambda task, operation=operation: (
            setattr(side.weather, "fails", times(3, lambda op, path: ChannelError(path) if op == operation else None))
            or [{"event": "wait", "seconds": 6}, {"event": "publish", "path": "echo.txt"}]
        )
        handle = scene.client.submit(Job(kind="echo", params={"text": operation}))
        scene.worker(bench, side=side, boot=f"{len(operation):016x}").step(scene.clock.now)
        assert scene.step(handle) is not None, scene.progress
        assert len(scene.look(handle).claims) == 1


def test_an_attempt_that_left_something_new_does_not_count(scene: Scene) -> None:
    """A session cap every few steps is no reason to give a long job up: attempts that add an output are not counted."""
    handle = scene.client.submit(SPEECH)
    interrupted(scene, handle)
    scene.clock.now += LEASE_S + 10
    for n, nonce in ((2, "2" * 16), (3, "3" * 16)):
        scene.claim(handle, nonce, n=n)
        scene.step(handle, LEASE_S + 10)
    assert scene.step(handle) is None
    assert scene.progress.why is not Why.ATTEMPT_FAILED
