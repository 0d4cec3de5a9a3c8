"""Why a job is where it is: each situation made in a drop in memory, its code and its words looked at."""

from __future__ import annotations

import dataclasses
import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs import explain
from dispatcher.jobs.client import Client, Handle
from dispatcher.jobs.job import Job, Progress, Why
from dispatcher.jobs.snapshot import engine_hint
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import ChannelLost, JobFailed, JobTimeout
from protocol.layout import Attempt, JobNames, WorkerNames
from protocol.messages import Beat, DropCard, EngineRecord, Held, Offer, OutputFile, Part, Requires, WorkerCard
from protocol.transports import memory
from tests.support import answers
from usertext import installing

DROP_ID, BOOT = "d" * 16, answers.BOOT
ESPEAK = EngineRecord(name="espeak", version="1", provider="cpu", device="x", tier="embedded")
ECHO = Job(kind="echo", params={"text": "hi"}, lease_s=16)


class Place:
    """A drop in memory with a job in it, the worker `w` by hand, and a clock that the test turns."""

    def __init__(self, tmp_path: Path, name: str) -> None:
        self.store = memory.named_store(name)
        self.drop = memory.MemoryDrop(self.store)
        self.drop.put("_drop.json", codec.encode(DropCard(drop=DROP_ID, id=DROP_ID)))
        self.runs = RunStore.open(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
        self.client = Client(f"memory:{name}", store=self.runs, results=tmp_path / "results")
        self.weather = self.client.drop.weather  # type: ignore[attr-defined]
        self.now = 0.0

    def submit(self, job: Job = ECHO) -> str:
        """Submit a job and return its folder."""
        self.handle: Handle = self.client.submit(job)
        return self.runs.get(self.handle.run).job

    def look(self, after: float = 0.1) -> Progress:
        """Let the client look once, some seconds later."""
        self.now += after
        return self.handle._lifecycle.step(self.now, self.now)

    def card(self, worker: str = "w", boot: str = BOOT, **more: Any) -> None:
        """Write a worker's card."""
        told = {"kinds": ("echo",), "engines": {"echo": (answers.ENGINE,)}, "beat_s": 2, **more}
        self.drop.make_folder(WorkerNames(worker).folder)
        card = WorkerCard(drop=DROP_ID, id=worker, worker=worker, boot=boot, **told)
        self.drop.put(WorkerNames(worker).hello(boot), codec.encode(card))

    def beat(
        self, seq: int, *held: Held, worker: str = "w", boot: str = BOOT, ago: float = 0, last: bool = False
    ) -> None:
        """Write a beat of a worker; its `last` one ends its session."""
        at, end = time.time() - ago, True if last else None
        beat = Beat(drop=DROP_ID, id=worker, worker=worker, boot=boot, seq=seq, at=at, held=held, last=end)
        self.drop.put(WorkerNames(worker).beat(boot, seq), codec.encode(beat))

    def held(self, job: str, tried: Attempt, done: int = 3, total: int = 12) -> Held:
        """Return what a beat says of an attempt."""
        return Held(job=job, nonce=tried.nonce, done=done, total=total, note="step step-03")


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A fresh drop and client."""
    made = Place(tmp_path, request.node.name)
    yield made
    made.client.close()
    made.runs.close()


def test_no_worker_was_ever_seen(place: Place) -> None:
    """An empty drop is said at the first look, with how to get a worker there."""
    place.submit()
    said = place.look()
    assert said.why is Why.NO_WORKER_SEEN
    assert "no worker was ever seen" in said.text
    assert "gpudrop worker --drop memory:" in said.hint


def test_workers_that_were_here(place: Place) -> None:
    """A worker whose last beat is hours old is gone, whatever the lease of this look says; the last one is named."""
    place.submit()
    place.card("old", "1" * 16)
    place.beat(9, worker="old", boot="1" * 16, ago=2 * 86_400 + 60)
    place.card()
    place.beat(4, ago=3 * 3600)
    said = place.look()
    assert said.why is Why.WORKERS_GONE
    assert "2 workers were here, most recently w, last heartbeat 3 h ago (" in said.text
    assert "Start the notebook" in said.hint


@pytest.mark.fault("clock-skew")
def test_a_worker_with_a_wrong_clock_is_here_once_it_beats(place: Place) -> None:
    """A beat that comes while we look proves life, also when its clock is a day behind."""
    place.submit()
    place.card()
    place.beat(1, ago=86_400)
    assert place.look().why is Why.WORKERS_GONE
    place.beat(2, ago=86_400)
    assert place.look().why is Why.WORKER_READY


def test_a_worker_for_other_work(place: Place) -> None:
    """The kind that nobody does is named, and what they do instead."""
    place.submit()
    place.card(kinds=("upscale",))
    said = place.look()
    assert said.why is Why.KIND_MISSING
    assert "w does upscale, not echo" in said.text


def test_a_worker_without_the_engine(place: Place) -> None:
    """The engine that is required and what there is instead are named."""
    place.submit(dataclasses.replace(ECHO, require_engine="kokoro"))
    place.card()
    said = place.look()
    assert said.why is Why.ENGINE_MISSING
    assert "no worker here has the engine kokoro (they have: echo)" in said.text
    assert "--require-engine" in said.hint


@pytest.mark.parametrize(("engine", "extra"), [("realesrgan", "upscale"), ("lanczos", None)])
def test_a_missing_engine_is_told_with_its_extra(engine: str, extra: str | None) -> None:
    """Workers that were started here have this interpreter; another machine's is not known."""
    offer = Offer.model_construct(kind="upscale", requires=Requires(engine=engine))
    here, there = (engine_hint(offer, started_here=here) for here in (True, False))
    assert here.endswith("leave --require-engine out")
    assert (installing.with_extra("upscale") in here) == (extra is not None)
    assert ("pip install 'gpudrop[upscale]' on the worker's machine" in there) == (extra is not None)


@pytest.mark.fault("version-99")
@pytest.mark.parametrize(("version", "why"), [(1, Why.WORKER_TOO_OLD), (99, Why.WORKER_TOO_NEW)])
def test_a_worker_of_another_version(place: Place, version: int, why: Why) -> None:
    """Too old and too new are told apart, each with the side to upgrade."""
    place.submit()
    place.card(v=version, min_reader=version)
    said = place.look()
    assert said.why is why
    assert ("gpudrop init" if version == 1 else "on this machine") in said.hint


def test_a_job_reserved_for_somebody_or_too_late(place: Place) -> None:
    """What only the request says is told, too: reserved for a worker that is not here, and its time over."""
    place.submit()
    place.card()
    place.look()
    snapshot = place.handle._lifecycle._snapshot
    assert snapshot is not None
    offer = snapshot.offer
    reserved = offer.model_copy(update={"claim": offer.claim.model_copy(update={"prefer": "t4-9"})})
    late = offer.model_copy(update={"limits": offer.limits.model_copy(update={"not_after": time.time() - 60})})
    said = [explain.explain(dataclasses.replace(snapshot, offer=changed)) for changed in (reserved, late)]
    assert [one.code for one in said] == [Why.RESERVED, Why.TIME_PASSED]
    assert "reserved for t4-9" in said[0].text


def test_a_busy_worker(place: Place) -> None:
    """The other job, how far it is and for how long we know of it."""
    place.submit()
    place.card()
    place.beat(1, place.held("another-job", answers.attempt(7)))
    place.look()
    said = place.look(1.5)
    assert said.why is Why.WORKER_BUSY
    assert "w is busy with job another-job (3 of 12), for at least 2 s" in said.text


def test_a_worker_that_is_about_to_take_it(place: Place) -> None:
    """Nothing is wrong, so there is no hint."""
    place.submit()
    place.card()
    said = place.look()
    assert (said.why, said.hint) == (Why.WORKER_READY, "")


def test_taken_at_work_silent_and_gone(place: Place) -> None:
    """One attempt from its claim to its lapse: taken, at step k, silent at step k, and who could take over."""
    job, tried = place.submit(), answers.attempt()
    place.card()
    answers.claim(place.drop, job, tried)
    assert place.look().why is Why.TAKEN
    place.beat(1, place.held(job, tried))
    said = place.look()
    assert (said.why, said.done, said.total) == (Why.WORKING, 3, 12)
    assert "w (echo) is working: 3 of 12 (step step-03)" in said.text
    for _ in range(5):
        said = place.look(1.9)
    assert said.why is Why.WORKER_SILENT
    assert "has been silent for 10 s, since 3 of 12 (step step-03)" in said.text
    assert "No other worker is here" in said.hint
    place.card("w2", "2" * 16)
    for _ in range(5):
        said = place.look(1.9)
    assert (said.why, str(said.state)) == (Why.WORKER_SILENT, "stale")
    assert "fell silent at 3 of 12 (step step-03): no heartbeat from w for 19 s" in said.text
    assert "w2 can take it over" in said.hint


def test_the_engine_at_work_is_named(place: Place) -> None:
    """A worker with several says in its note which it is; until then none is named, and its note stays its own."""
    job = place.submit()
    other = answers.ENGINE.model_copy(update={"name": "other"})
    place.card(engines={"echo": (other, answers.ENGINE)})
    tried = answers.attempt()
    answers.claim(place.drop, job, tried)
    place.beat(1, place.held(job, tried))
    assert "w is working: 3 of 12 (step step-03)" in place.look().text
    place.beat(2, place.held(job, tried).model_copy(update={"note": "echo: step step-04"}))
    assert "w (echo) is working: 3 of 12 (step step-04)" in place.look(after=5).text


def test_a_failed_attempt(place: Place) -> None:
    """Its code and words are shown while another worker may try."""
    job = place.submit()
    place.card()
    place.card("w2", "2" * 16)
    answers.fail(place.drop, job, answers.attempt(), "ENGINE", retryable=True)
    said = place.look()
    assert said.why is Why.ATTEMPT_FAILED
    assert "attempt 1 by w ended with ENGINE: it said ENGINE" in said.text
    assert said.hint == "w2 can take it over"


def test_a_session_that_has_ended_takes_nothing_over(place: Place) -> None:
    """A worker that said its last beat is named as nobody who could do the job; restarted under its name it is."""
    job = place.submit()
    place.card()
    place.card("w2", "2" * 16)
    place.beat(1)
    place.beat(1, worker="w2", boot="2" * 16)
    answers.fail(place.drop, job, answers.attempt(), "RELEASED", retryable=True)
    assert place.look().hint == "w2 can take it over"
    place.beat(2, worker="w2", boot="2" * 16, last=True)
    place.beat(2, last=True)
    said = place.look(after=3)
    assert said.hint.startswith("No other worker is here. Start the notebook")
    place.card(boot="3" * 16)
    place.beat(1, boot="3" * 16)
    assert place.look(after=3).hint == "w can take it over"


def test_a_job_does_not_wait_for_a_session_that_has_ended(place: Place) -> None:
    """The only worker ended cleanly a moment ago: it was here, and is not waited for."""
    place.submit()
    place.card()
    place.beat(1)
    assert place.look().why is Why.WORKER_READY
    place.beat(2, last=True)
    said = place.look(after=3)
    assert said.why is Why.WORKERS_GONE
    assert "its session has ended" in said.text


def test_results_that_arrive_early(place: Place) -> None:
    """Published parts are counted while the worker is still at it."""
    job, tried = place.submit(), answers.attempt()
    answers.claim(place.drop, job, tried)
    place.drop.put(JobNames(job).out(tried, 1), b"x" * 2000)
    source = JobNames(job).out(tried, 1).rpartition("/")[2]
    here = OutputFile(path="echo.txt", in_=source, size=2000, sha256="0" * 64)
    part = Part(drop=DROP_ID, id=job, attempt=1, nonce=tried.nonce, worker="w", boot=BOOT, k=1, files=(here,))
    place.drop.put(JobNames(job).part(tried, 1), codec.encode(part))
    said = place.look()
    assert said.why is Why.RESULTS_ARRIVING
    assert "1 of 1 files are here (2.0 kB)" in said.text


@pytest.mark.parametrize(
    ("shows", "why", "words"),
    [
        (
            lambda path, data: data[:1] if ".out-" in path else data,
            Why.RESULTS_ARRIVING,
            "uploading: 1 of 2 bytes seen",
        ),
        (lambda path, data: b"ho" if ".out-" in path else data, Why.RESULTS_UNVERIFIED, "expected"),
    ],
    ids=["torn", "other content"],
)
def test_results_that_do_not_verify(place: Place, shows: Any, why: Why, words: str) -> None:
    """Which file, what was expected and found, and how long the channel has left."""
    job = place.submit()
    place.weather.shows = shows
    answers.deliver(place.drop, job, answers.attempt(), {"echo.txt": b"hi"})
    said = place.look()
    assert said.why is why
    assert "echo.txt" in said.text
    assert words in said.text
    assert "10 s" in said.hint
    assert place.look(11).why is Why.RESULTS_REJECTED


def look_on(place: Place, seconds: float) -> None:
    """Look every two seconds for a while."""
    for _ in range(round(seconds / 1.9)):
        place.look(1.9)


SPEECH = Job(kind="tts", params={"voice": "v", "steps": [{"id": "a", "narration": "Hi."}]})


def test_a_plain_error_while_one_of_ours_lives(place: Place) -> None:
    """It is shown and waited on; with nobody else to do the job, it is the end, with its step."""
    job = place.submit(SPEECH)
    place.card(kinds=("tts",), engines={"tts": (ESPEAK,)})
    place.drop.put(f"{job}/error.marker", b'{"status": "error", "error": "no such voice.", "step": "a"}')
    said = place.look()
    assert said.why is Why.PLAIN_ERROR
    assert "failed at step a: no such voice" in said.text
    assert said.hint == "Waiting for w, which may still succeed"
    with pytest.raises(JobFailed, match="no such voice") as failed:
        look_on(place, 80)
    assert failed.value.step == "a"


def test_a_plain_answer_that_has_begun_or_cannot_be_read(place: Place) -> None:
    """An old worker has no card; that it works is told by its folder, and a marker that is no JSON is named."""
    job = place.submit(SPEECH)
    place.drop.make_folder(f"{job}/audio")
    begun = place.look()
    place.drop.put(f"{job}/error.marker", b"CUDA error: out of memory")
    broken = place.look()
    assert [begun.why, broken.why] == [Why.PLAIN_ANSWER] * 2
    assert "has begun to answer" in begun.text
    assert f"{job}/error.marker exists but cannot be read: not JSON" in broken.text


def test_an_upload_of_this_side_that_is_not_through(place: Place, tmp_path: Path) -> None:
    """A request that is hidden or torn, and an input that is half there, are this side's to look after."""
    (tmp_path / "film.bin").write_bytes(b"x" * 3000)
    job = place.submit(dataclasses.replace(ECHO, inputs={"film.bin": tmp_path / "film.bin"}))
    place.card()
    place.weather.hides = lambda path: path.endswith("request.json")
    hidden = place.look()
    place.weather.hides = lambda path: False
    place.weather.shows = lambda path, data: data[:1000] if "/in-1-" in path else data
    half = place.look()
    assert [hidden.why, half.why] == [Why.UPLOAD_UNFINISHED] * 2
    assert "not in the drop yet" in hidden.text
    assert "1.0 kB of 3.0 kB of its input film.bin have arrived" in half.text
    assert job in place.store.folders


def test_a_channel_that_fails_is_waited_for(place: Place) -> None:
    """The drop is named, with the error and since when; when it is back, the job goes on."""
    job = place.submit()
    place.weather.fails = lambda operation, path: ChannelLost("the mount is gone")
    place.look()
    said = place.look(40)
    assert said.why is Why.DROP_UNREACHABLE
    assert "memory:" in said.text
    assert "40 s): the mount is gone" in said.text
    place.weather.fails = lambda operation, path: None
    assert place.look().why is Why.NO_WORKER_SEEN
    answers.deliver(place.drop, job, answers.attempt(), {"echo.txt": b"hi"})
    assert place.look().why is Why.FINISHED


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOTCONN, "remount it (fusermount -uz /mnt/drive"),
        (errno.EIO, "The mount does not answer"),
        (errno.ENOENT, "Mount the drive again"),
        (errno.EACCES, "Allow this user to read and write"),
        (errno.EMFILE, "continues when the drop is back"),
    ],
)
def test_the_hint_follows_from_what_the_system_said(number: int, hint: str) -> None:
    """A dead mount, a missing folder and a forbidden one are different troubles."""
    error = ChannelLost("x")
    error.__cause__ = OSError(number, "the system's words")
    said = explain.unreachable(error, "/mnt/drive", 120, time.time())
    assert said.code is Why.DROP_UNREACHABLE
    assert "2 min): the system's words" in said.text
    assert hint in said.hint


def test_another_drop_and_a_folder_that_is_none(place: Place) -> None:
    """An unmounted mount shows an empty folder, or whatever lies beneath; neither is a cancelled job."""
    place.submit()
    kept = dict(place.store.files)
    folders = set(place.store.folders)
    place.store.files.clear()
    place.store.folders = {""}
    assert [place.look().why for _ in range(4)] == [Why.DROP_EMPTY] * 4
    place.drop.put("_drop.json", codec.encode(DropCard(drop="e" * 16, id="e" * 16)))
    said = [place.look(5) for _ in range(4)]
    assert [one.why for one in said] == [Why.DROP_CHANGED] * 4
    assert "e" * 16 in said[0].text
    place.store.files.clear()
    place.store.files.update(kept)
    place.store.folders = folders
    assert place.look().why is Why.NO_WORKER_SEEN


def test_the_timeout_says_all_of_it(place: Place) -> None:
    """Why, the hint, the run, how to go on, and when each worker was heard of last."""
    place.submit()
    place.card()
    place.beat(1, ago=3 * 3600)
    with pytest.raises(JobTimeout) as timeout:
        place.handle.wait(0)
    error, words = timeout.value, str(timeout.value)
    assert (error.why, error.run, error.exit_code) == (Why.WORKERS_GONE, place.handle.run, 124)
    assert error.hint in words
    assert f"run {place.handle.run}" in words
    assert "run the same command to resume waiting" in words
    assert "Workers: w: last heartbeat 3 h ago (" in words
