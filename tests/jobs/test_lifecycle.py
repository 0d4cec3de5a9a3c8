"""The owner's judgement of what is in the drop, on scripted answers and scripted weather."""

from __future__ import annotations

import dataclasses
import errno
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dispatcher.jobs import accept
from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job, Result, Why
from dispatcher.jobs.lifecycle import ROOM_AGAIN_S
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import ONE_MACHINE, REMOTE
from protocol.errors import (
    ChannelError,
    EnvironmentNotReady,
    JobCancelled,
    JobExpired,
    JobFailed,
    NotFoundError,
    StorageFull,
    UsageError,
)
from protocol.layout import LAST_ATTEMPT, JobNames
from protocol.messages import DropCard
from protocol.observation import JobReader
from protocol.states import State
from protocol.transports import memory
from tests.support import answers

DROP_ID = "d" * 16
ECHO = Job(kind="echo", params={"text": "hi"})
GOOD = {"echo.txt": b"hi"}


class Place:
    """A drop in memory, a client on it, and a clock that the test turns."""

    def __init__(self, tmp_path: Path, name: str) -> None:
        self.store = memory.named_store(name)
        self.drop = memory.MemoryDrop(self.store)
        if "_drop.json" not in self.store.files:
            self.drop.put("_drop.json", codec.encode(DropCard(drop=DROP_ID, id=DROP_ID)))
        self.runs = RunStore.open(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
        self.client = Client(f"memory:{name}", store=self.runs, results=tmp_path / "results")
        self.weather = self.client.drop.weather  # type: ignore[attr-defined]
        self.now = 0.0

    def submit(self, job: Job = ECHO) -> Handle:
        """Submit a job."""
        return self.client.submit(job)

    def job(self, handle: Handle) -> str:
        """Return the folder of a job."""
        return self.runs.get(handle.run).job

    def step(self, handle: Handle, after: float = 0.1) -> Result | None:
        """Let the client look once, some seconds later."""
        self.now += after
        self.progress = handle._lifecycle.step(self.now, self.now)
        return handle._lifecycle.result


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A fresh drop and client."""
    made = Place(tmp_path, request.node.name)
    yield made
    made.client.close()
    made.runs.close()


def test_a_good_answer_is_accepted_and_mirrored(place: Place) -> None:
    """A whole result is handed over, committed, and said in the drop."""
    handle = place.submit()
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    result = place.step(handle)
    assert result is not None
    assert result.files["echo.txt"].read_bytes() == b"hi"
    assert (result.verified, place.runs.get(handle.run).status) == ("full", "completed")
    seen = JobReader(place.drop, DROP_ID, place.job(handle)).look()
    assert seen.accepted is not None
    assert seen.accepted.nonce == answers.attempt().nonce


def test_what_could_not_be_said_is_said_at_the_end(place: Place) -> None:
    """A result is handed over although the drop takes no message; closing the client says it after all."""
    handle = place.submit()
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    place.weather.fails = lambda operation, path: ChannelError("no") if operation == "put" else None
    assert handle.wait(10).files
    assert JobReader(place.drop, DROP_ID, place.job(handle)).look().accepted is None
    place.weather.fails = lambda operation, path: None
    place.client.close()
    assert JobReader(place.drop, DROP_ID, place.job(handle)).look().accepted is not None


@pytest.mark.fault("marker-before-data")
def test_a_marker_before_its_data_is_waited_for(place: Place) -> None:
    """The marker overtakes the data as a rule; nothing is consumed until the data is there."""
    place.weather.hides = lambda path: ".out-" in path
    handle = place.submit()
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    assert place.step(handle) is None
    assert "before its data" in place.progress.text
    place.weather.hides = lambda path: False
    assert place.step(handle, ONE_MACHINE.data_s / 2) is not None


@pytest.mark.fault("marker-before-data")
def test_data_torn_on_the_way_is_waited_for(place: Place) -> None:
    """A file that is seen half is not used, and used once it is whole."""
    place.weather.shows = lambda path, data: data[:1] if ".out-" in path else data
    handle = place.submit()
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    assert place.step(handle) is None
    place.weather.shows = lambda path, data: data
    assert place.step(handle) is not None


@pytest.mark.fault("data-lost")
@pytest.mark.parametrize(
    "broken",
    [
        {"stored": {}},
        {"stored": {"echo.txt": b"ho"}},
        {"stored": {"echo.txt": b"h"}},
    ],
    ids=["missing", "wrong hash", "cut"],
)
def test_data_that_never_fits_is_rejected_and_the_next_attempt_taken(place: Place, broken: dict[str, object]) -> None:
    """After its patience the owner rejects the attempt, and another one may bring the result."""
    handle = place.submit()
    job = place.job(handle)
    answers.deliver(place.drop, job, answers.attempt(1), GOOD, **broken)
    assert place.step(handle) is None
    assert place.step(handle, ONE_MACHINE.data_s + 1) is None
    assert f"{job}/reject-{answers.attempt(1).nonce}.json" in place.store.files
    answers.deliver(place.drop, job, answers.attempt(2), GOOD)
    assert place.step(handle) is not None


def full_channel(place: Place, patch: pytest.MonkeyPatch) -> None:
    """Let copying out fill the disk half-way, as a transport tells it."""
    full = StorageFull("no room to write it")
    patch.setattr(place.weather, "fails", lambda operation, path: full if operation == "copy_out" else None)


def full_cut(_: Place, patch: pytest.MonkeyPatch) -> None:
    """Let the disk be full when the outputs are cut out of what came."""

    def copyfile(_source: Path, target: Path) -> None:
        target.write_bytes(b"h")
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr(shutil, "copyfile", copyfile)


def full_from_the_start(_: Place, patch: pytest.MonkeyPatch) -> None:
    """Let the disk tell that it has less room than the result takes; copying would be a mistake."""
    patch.setattr(shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(100, 99, 1))  # type: ignore[attr-defined]
    patch.setattr(accept, "collect", None)


@pytest.mark.parametrize("full", [full_channel, full_cut, full_from_the_start])
def test_a_full_disk_here_rejects_nothing(
    place: Place, tmp_path: Path, full: Callable[[Place, pytest.MonkeyPatch], None]
) -> None:
    """However long it is full the result waits in the drop, with the hint; when there is room it is taken."""
    handle = place.submit()
    job = place.job(handle)
    answers.deliver(place.drop, job, answers.attempt(), GOOD)
    with pytest.MonkeyPatch.context() as patch:
        full(place, patch)
        for after in (0.1, 1, ONE_MACHINE.data_s, 60, 3600, 40_000):
            assert place.step(handle, after) is None
            assert place.progress.why is Why.NO_ROOM_HERE
            assert f"Free some space on the disk of {tmp_path / 'results'}" in place.progress.hint
    assert not any("reject-" in name or "need-" in name for name in place.store.files)
    assert not list((tmp_path / "results" / job).iterdir())
    run = place.runs.get(handle.run)
    assert (run.status, run.why) == ("verifying", "NO_ROOM_HERE")
    assert sum("disk of this machine is full" in line.text for line in place.runs.trace.changes(run.id)) == 1
    assert place.step(handle, ROOM_AGAIN_S) is not None


def test_what_the_home_disk_forbids_is_no_fault_of_the_result(place: Place, tmp_path: Path) -> None:
    """A file stands where results are kept: that is told as it is, the run stays open and the attempt is good."""
    handle = place.submit()
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(EnvironmentNotReady, match="results"):
        place.step(handle)
    (tmp_path / "results").unlink()
    assert place.step(handle) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"contents": {"echo.txt": b"hi", "more.txt": b"x"}},
        {"contents": {"other.txt": b"hi"}},
        {"contents": GOOD, "digest": "e" * 64},
    ],
    ids=["extra file", "another file", "another request's digest"],
)
def test_an_answer_to_something_else_is_rejected(place: Place, wrong: dict[str, object]) -> None:
    """What was not asked for is never handed over, whatever its checksum says."""
    handle = place.submit()
    answers.deliver(place.drop, place.job(handle), answers.attempt(), **wrong)
    assert place.step(handle) is None
    place.step(handle, ONE_MACHINE.data_s + 1)
    assert any("reject-" in name for name in place.store.files)
    assert place.runs.get(handle.run).status != "completed"


def test_a_required_engine_is_checked_in_the_result(place: Place) -> None:
    """A worker that answers with another engine than required is not believed."""
    handle = place.submit(dataclasses.replace(ECHO, require_engine="kokoro"))
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    assert place.step(handle) is None
    assert any("reject-" in name for name in place.store.files)


def wav(seconds: float = 0.5) -> bytes:
    """Return a WAV file."""
    target = io.BytesIO()
    soundfile.write(target, np.zeros(round(24000 * seconds), np.float32), 24000, format="WAV", subtype="PCM_16")
    return target.getvalue()


SPEECH = Job(
    kind="tts", params={"voice": "v", "speed": 1.0, "language": "en-us", "steps": [{"id": "a", "narration": "Hi."}]}
)
WORDS = b'{"seconds": 0.5, "exact": true, "words": []}'


def test_a_clip_that_is_no_sound_is_rejected(place: Place) -> None:
    """A file with the right hash that does not parse as its media is not handed over (R5)."""
    handle = place.submit(SPEECH)
    cut = wav()[:-10]
    answers.deliver(
        place.drop, place.job(handle), answers.attempt(), {"audio/step-a.wav": cut, "audio/step-a.json": WORDS}
    )
    assert place.step(handle) is None
    assert any("reject-" in name for name in place.store.files)


def test_a_failure_that_cannot_be_helped_ends_the_job(place: Place) -> None:
    """BAD_REQUEST is raised at once, with the worker's words."""
    handle = place.submit()
    answers.fail(place.drop, place.job(handle), answers.attempt(), "BAD_REQUEST", retryable=False)
    with pytest.raises(JobFailed, match="it said BAD_REQUEST"):
        place.step(handle)
    assert place.runs.get(handle.run).status == "failed"


def test_attempts_are_counted_only_when_they_ended(place: Place) -> None:
    """Released attempts do not count; the third failure ends the job with every reason."""
    handle = place.submit()
    job = place.job(handle)
    answers.fail(place.drop, job, answers.attempt(1), "RELEASED", retryable=True)
    for n, worker in ((2, "w2"), (3, "w3")):
        answers.fail(place.drop, job, answers.attempt(n, worker), "ENGINE", retryable=True)
    others_live(place)
    assert place.step(handle) is None
    answers.fail(place.drop, job, answers.attempt(4, "w4"), "OUT_OF_MEMORY", retryable=True)
    with pytest.raises(JobFailed, match=r"ENGINE: .*OUT_OF_MEMORY"):
        place.step(handle)


def others_live(place: Place) -> None:
    """Let a worker be seen that has not tried the job."""
    from protocol.layout import WorkerNames
    from protocol.messages import WorkerCard

    card = WorkerCard(drop=DROP_ID, id="idle", worker="idle", boot="c" * 16, kinds=("echo",), engines={})
    place.drop.make_folder(WorkerNames("idle").folder)
    place.drop.put(WorkerNames("idle").hello("c" * 16), codec.encode(card))


def test_a_late_result_has_its_time_also_after_another_worker_came(place: Place) -> None:
    """With nobody left to try, late results are waited for; who comes meanwhile and fails too leaves them no less."""
    place.client.drop.capabilities = dataclasses.replace(memory.LOCAL, local=False, limits=REMOTE)
    handle = place.submit()
    job = place.job(handle)
    answers.fail(place.drop, job, answers.attempt(1), "ENGINE", retryable=True)
    assert place.step(handle) is None
    assert "the job ends in" in place.progress.hint
    others_live(place)
    assert place.step(handle, 10) is None
    assert "the job ends in" not in place.progress.hint
    answers.fail(place.drop, job, answers.attempt(2, "idle"), "ENGINE", retryable=True)
    assert place.step(handle, REMOTE.dead_wait_s) is None
    assert place.step(handle, REMOTE.dead_wait_s - 1) is None
    with pytest.raises(JobFailed):
        place.step(handle, 2)


@pytest.mark.fault("broken-worker")
def test_a_job_that_every_living_worker_failed_is_given_up(place: Place) -> None:
    """With nobody left to try, waiting for the time limit would be for nothing."""
    handle = place.submit()
    answers.fail(place.drop, place.job(handle), answers.attempt(), "ENGINE", retryable=True)
    with pytest.raises(JobFailed, match="it said ENGINE"):
        place.step(handle)


def test_a_cancelled_job_takes_no_result(place: Place) -> None:
    """The first commit wins: after cancelling, a delivered result is not accepted."""
    handle = place.submit()
    assert handle.cancel("changed my mind")
    assert not handle.cancel("again")
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    with pytest.raises(JobCancelled, match="changed my mind"):
        place.step(handle)


def test_a_job_nobody_takes_expires(place: Place) -> None:
    """After queue_s without a claim the job ends, a lease after it was announced, and says so in the drop."""
    handle = place.submit(dataclasses.replace(ECHO, queue_s=0))
    assert place.step(handle) is None
    assert place.progress.why is Why.EXPIRING
    assert place.step(handle, place.client.lease_times.terms().lease_s / 2) is None
    with pytest.raises(JobExpired):
        place.step(handle, place.client.lease_times.terms().lease_s)
    assert any("cancel-1" in name for name in place.store.files)


@pytest.mark.fault("job-folder-deleted")
def test_a_deleted_folder_is_the_users_cancel(place: Place) -> None:
    """Missing in three fresh looks while the drop answers: deleted. Once is no evidence."""
    handle = place.submit()
    place.step(handle)
    place.drop.delete(place.job(handle))
    assert place.step(handle) is None
    assert place.step(handle) is None
    with pytest.raises(JobCancelled, match="deleted"):
        place.step(handle, 5)


@pytest.mark.fault("mount-vanishes")
def test_a_vanished_drop_is_not_a_cancelled_job(place: Place) -> None:
    """When the drop itself cannot be seen, the job stays open and goes on once it is back."""
    handle = place.submit()
    place.weather.hides = lambda path: True
    assert place.step(handle, 3600) is None
    assert place.progress.why is Why.DROP_EMPTY
    place.weather.hides = lambda path: False
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    assert place.step(handle) is not None


def test_the_same_submission_is_the_same_job(place: Place, tmp_path: Path) -> None:
    """A second process that submits the same job waits for the first one's; afterwards the result is used again."""
    first, second = place.submit(), place.submit()
    assert first.run == second.run
    answers.deliver(place.drop, place.job(first), answers.attempt(), GOOD)
    one, two = place.step(first), place.step(second)
    assert one is not None
    assert one == two
    assert place.submit().run == first.run
    assert sum("/request.json" in name for name in place.store.files) == 1


def test_a_result_that_was_changed_here_is_not_used_again(place: Place) -> None:
    """What lies in the results folder is checked before it is believed."""
    handle = place.submit()
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    result = place.step(handle)
    assert result is not None
    result.files["echo.txt"].write_bytes(b"changed")
    assert place.submit().run != handle.run


@pytest.mark.parametrize("written", [0, 1, 100, -1])
def test_a_request_left_torn_is_offered_again(place: Place, written: int) -> None:
    """A dispatcher that died while writing its request goes on under a new job id of the same run (R1)."""
    handle = place.submit()
    job = place.job(handle)
    path = JobNames(job).request
    whole = place.store.files[path]
    place.store.files[path] = whole[:written]
    again = place.submit()
    assert again.run == handle.run
    assert place.job(again) != job
    answers.deliver(place.drop, place.job(again), answers.attempt(), GOOD)
    assert place.step(again) is not None


@pytest.mark.fault("two-dispatchers")
def test_only_the_owner_judges(tmp_path: Path, place: Place, request: pytest.FixtureRequest) -> None:
    """Two dispatchers on one drop each have their own jobs, also for equal work."""
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other", request.node.name)
    first, second = place.submit(), other.submit()
    assert place.job(first) != other.job(second)
    answers.deliver(place.drop, place.job(first), answers.attempt(), GOOD)
    assert place.step(first) is not None
    assert other.step(second) is None
    other.client.close()
    other.runs.close()


def test_a_plain_answer_counts_after_two_looks(place: Place) -> None:
    """An old worker's clips are used when they stayed the same for half a minute, and tagged."""
    handle = place.submit(SPEECH)
    job = place.job(handle)
    place.drop.make_folder(f"{job}/audio")
    place.drop.put(f"{job}/done.marker", b'{"status": "completed", "total_duration": 0.5, "steps_generated": 1}')
    assert place.step(handle) is None
    place.drop.put(f"{job}/audio/step-a.wav", wav())
    assert place.step(handle) is None
    assert place.step(handle, 29) is None
    result = place.step(handle, 2)
    assert result is not None
    assert (result.verified, result.engine) == ("legacy", None)


def test_a_plain_answer_waits_for_room(place: Place) -> None:
    """A full disk here is not a torn answer: the job is not offered anew, the clips are taken when there is room."""
    handle = place.submit(SPEECH)
    job = place.job(handle)
    place.drop.make_folder(f"{job}/audio")
    place.drop.put(f"{job}/done.marker", b'{"status": "completed", "total_duration": 0.5, "steps_generated": 1}')
    place.drop.put(f"{job}/audio/step-a.wav", wav())
    with pytest.MonkeyPatch.context() as patch:
        full_channel(place, patch)
        for _ in range(4):
            assert place.step(handle, 60) is None
            assert place.progress.why is Why.NO_ROOM_HERE
    assert not handle._lifecycle.is_lost
    assert place.step(handle, 60) is None
    assert place.step(handle, 60) is not None


def test_a_plain_answer_to_anything_else_is_ignored(place: Place) -> None:
    """A plain marker proves nothing for a kind that never had the simple form."""
    handle = place.submit()
    place.drop.put(f"{place.job(handle)}/done.marker", b'{"status": "completed"}')
    assert place.step(handle) is None
    assert place.step(handle, 100) is None
    assert place.progress.state is State.OFFERED


def test_bad_jobs_are_refused_before_anything_is_written(place: Place) -> None:
    """An unknown kind or a bad parameter is this side's error, and the drop stays as it was."""
    before = dict(place.store.files)
    with pytest.raises(UsageError, match="echo, encode"):
        place.submit(Job(kind="fly", params={}))
    with pytest.raises(UsageError, match="units"):
        place.submit(Job(kind="echo", params={"units": 0}))
    with pytest.raises(NotFoundError):
        place.runs.get("none")
    assert place.store.files == before


def test_old_jobs_are_removed_from_the_drop(place: Place) -> None:
    """Ended jobs are cleaned up after their time, open ones never, results here stay."""
    done, waiting = place.submit(), place.submit(Job(kind="echo", params={"text": "other"}))
    answers.deliver(place.drop, place.job(done), answers.attempt(), GOOD)
    result = place.step(done)
    assert result is not None
    assert place.client.clean() == 0
    assert place.client.clean(older_than_s=-1) == 1
    assert place.client.clean(older_than_s=-1) == 0
    assert [entry.name for entry in place.drop.list("") if entry.is_folder] == [place.job(waiting)]
    assert result.files["echo.txt"].exists()


@pytest.mark.fault("attempts-used-up")
def test_a_job_that_nobody_may_claim_any_more_is_offered_again(place: Place) -> None:
    """Somebody wrote the last attempt number: after the time that a late result has, the run has another job."""
    handle = place.submit()
    job = place.job(handle)
    place.drop.put(JobNames(job).turn(LAST_ATTEMPT), b"")
    assert place.step(handle) is None
    assert str(LAST_ATTEMPT) in place.progress.text
    assert not handle._lifecycle.is_lost
    assert place.step(handle, ONE_MACHINE.data_s + 1) is None
    handle._offer_lost_again()
    assert place.job(handle) != job
    answers.deliver(place.drop, place.job(handle), answers.attempt(), GOOD)
    assert place.step(handle) is not None
